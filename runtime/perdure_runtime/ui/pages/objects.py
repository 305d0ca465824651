"""Objects and workflows: the keys of a service that have state."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.deployments_pb2 import ListServicesRequest, ListServicesResponse
from perdure_protos.perdure.admin.v1.state_pb2 import ListKeysRequest, ListKeysResponse
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ui.links import link
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, shown

KEYED = ("virtual object", "workflow")
PAGE_SIZE = 100


def routes(site: Site) -> Iterable[Route]:
    """The services with keys, and the keys of one."""
    yield shown(site, "/objects", show_services)
    yield shown(site, "/objects/{service}", show_keys)


async def show_services(visit: Visit) -> Response:
    """Shows the services that have keys."""
    found = await visit.ask("ListServices", ListServicesRequest(), ListServicesResponse)
    services = [each for each in found.services if each.kind in KEYED]
    return visit.page("objects.html", title="Objects and workflows", services=services)


async def show_keys(visit: Visit) -> Response:
    """Shows the keys that begin with something."""
    service, prefix = visit.part("service"), visit.query.text("prefix")
    request = ListKeysRequest(service=service, prefix=prefix, page_size=PAGE_SIZE, page_token=visit.query.text("page"))
    found = await visit.ask("ListKeys", request, ListKeysResponse)
    more = found.next_page_token
    return visit.page(
        "keys.html",
        title=service,
        service=service,
        prefix=prefix,
        keys=found.keys,
        is_first_page="page" not in visit.query,
        first=link("objects", service, prefix=prefix),
        next=link("objects", service, prefix=prefix, page=more) if more else "",
    )
