"""Coming in and going: an API key or a token becomes the session of a browser."""

from collections.abc import Iterable

from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.guard import COOKIE
from perdure_runtime.ui.links import link
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown


def routes(site: Site) -> Iterable[Route]:
    """The page, its form, and the way out."""
    yield shown(site, "/login", show)
    yield done(site, "/login", come)
    yield done(site, "/logout", leave)


async def show(visit: Visit) -> Response:
    """Asks for the key."""
    return visit.page(
        "login.html", title="Log in", is_needed=visit.site.login is not None, back=visit.query.text("back")
    )


async def come(visit: Visit) -> Response:
    """Takes the key. It is kept in a cookie that no script and no other site can use, and nowhere here."""
    form = await visit.form()
    login, credential = visit.site.login, form.line("credential")
    if login is None:
        return visit.go(link())
    try:
        login.check(credential)
    except Refusal as refusal:
        return visit.page(
            "login.html",
            http_status=401,
            problem=refusal.message,
            title="Log in",
            is_needed=True,
            back=form.text("back"),
        )
    response = visit.go(form.text("back"))
    response.set_cookie(
        COOKIE, credential, path="/", httponly=True, samesite="strict", secure=visit.request.url.scheme == "https"
    )
    return response


async def leave(visit: Visit) -> Response:
    """Forgets the key."""
    response = visit.go(link("login"))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response
