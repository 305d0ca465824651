"""The web UI as routes: what the admin server mounts."""

from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from perdure_runtime.ui.links import ROOT, link
from perdure_runtime.ui.pages import (
    appearance,
    awakeables,
    bulk,
    calls,
    cluster,
    deployments,
    entry,
    invocation,
    invocations,
    missing,
    objects,
    overview,
    schedules,
    services,
    sql,
    state,
    subscriptions,
)
from perdure_runtime.ui.port import AdminApi, Caller, Login
from perdure_runtime.ui.protection import Protected
from perdure_runtime.ui.rendering import STATIC, Templates
from perdure_runtime.ui.site import Site

# What has a fixed path stands before what has a name in its place.
PAGES: tuple[Callable[[Site], Iterable[Route]], ...] = (
    overview.routes,
    services.routes,
    calls.routes,
    bulk.routes,
    invocations.routes,
    invocation.routes,
    objects.routes,
    state.routes,
    awakeables.routes,
    deployments.routes,
    subscriptions.routes,
    schedules.routes,
    sql.routes,
    cluster.routes,
    entry.routes,
    appearance.routes,
    missing.routes,
)


def ui_routes(
    api: AdminApi, caller: Caller, *, now_ms: Callable[[], int], login: Login | None = None
) -> list[BaseRoute]:
    """The pages under ``/ui``. Without ``login`` nobody is asked who they are."""
    site = Site(api=api, caller=caller, templates=Templates(), now_ms=now_ms, login=login)
    inside: list[BaseRoute] = [Mount("/static", StaticFiles(directory=STATIC))]
    inside += [route for page in PAGES for route in page(site)]
    return [Route(ROOT, _to_root), Mount(ROOT, Protected(Router(inside, redirect_slashes=False)))]


async def _to_root(request: Request) -> Response:
    return RedirectResponse(link(), 307)
