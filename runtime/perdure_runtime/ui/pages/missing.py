"""What there is no page for."""

from collections.abc import Iterable

from grpclib.const import Status
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, shown


def routes(site: Site) -> Iterable[Route]:
    """All other addresses."""
    yield shown(site, "/{rest:path}", show)


async def show(visit: Visit) -> Response:
    """Says so."""
    raise Refusal(Status.NOT_FOUND, "there is no page at this address: choose one from the menu")
