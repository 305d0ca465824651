"""Light or dark: what somebody chose is kept by the browser, so that pages come in it from the first byte."""

from collections.abc import Iterable

from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ui.links import link
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import THEME_COOKIE, THEMES, Visit, done

KEPT_S = 365 * 86_400


def routes(site: Site) -> Iterable[Route]:
    """The form that every page has."""
    yield done(site, "/theme", choose)


async def choose(visit: Visit) -> Response:
    """Keeps the choice, and goes back."""
    form = await visit.form()
    theme = form.text("theme")
    response = visit.go(form.text("back"))
    response.set_cookie(
        THEME_COOKIE, theme if theme in THEMES else "auto", max_age=KEPT_S, path=link(), samesite="strict"
    )
    return response
