"""Deployments: what is registered, and endpoints registered, verified and removed."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    Deployment,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
    RegisterDeploymentRequest,
    RemoveDeploymentRequest,
    RemoveDeploymentResponse,
    VerifyDeploymentRequest,
    VerifyDeploymentResponse,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown


def routes(site: Site) -> Iterable[Route]:
    """The list with its forms, and the removal of one."""
    yield shown(site, "/deployments", show)
    yield done(site, "/deployments", register)
    yield shown(site, "/deployments/{id}/remove", ask_remove)
    yield done(site, "/deployments/{id}/remove", remove)


async def show(visit: Visit) -> Response:
    """Shows all deployments, the newest first."""
    return await _page(visit, Form())


async def register(visit: Visit) -> Response:
    """Registers an endpoint, or only verifies it."""
    form = await visit.form()
    addresses = form.text("addresses").replace(",", " ").split()
    try:
        if form.text("go") == "verify":
            verify = VerifyDeploymentRequest(address=" ".join(addresses[:1]), limit=form.whole("limit"))
            verified = await visit.ask("VerifyDeployment", verify, VerifyDeploymentResponse)
            return await _page(visit, form, verified=verified)
        request = RegisterDeploymentRequest(addresses=addresses, force="force" in form, verify="verify" in form)
        deployment = await visit.ask("RegisterDeployment", request, Deployment)
    except Refusal as refusal:
        return await _page(visit, form, problem=refusal.message)
    served = ", ".join(deployment.services)
    return visit.go(link("deployments"), f"Registered {deployment.id}: new invocations of {served} go to it.")


async def ask_remove(visit: Visit) -> Response:
    """Asks whether it is meant, with the work that it has."""
    found = await visit.ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse)
    deployment = next((each for each in found.deployments if each.id == visit.part("id")), Deployment())
    return visit.page("remove_deployment.html", title="Remove the deployment?", deployment=deployment)


async def remove(visit: Visit) -> Response:
    """Removes one."""
    form, id = await visit.form(), visit.part("id")
    try:
        request = RemoveDeploymentRequest(id=id, force="force" in form)
        await visit.ask("RemoveDeployment", request, RemoveDeploymentResponse)
    except Refusal as refusal:
        return visit.go(link("deployments"), problem=refusal.message)
    return visit.go(link("deployments"), f"Removed {id}.")


async def _page(
    visit: Visit, form: Form, *, problem: str = "", verified: VerifyDeploymentResponse | None = None
) -> Response:
    found = await visit.ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse)
    return visit.page(
        "deployments.html",
        http_status=400 if problem else 200,
        problem=problem,
        title="Deployments",
        deployments=list(reversed(found.deployments)),
        addresses=form.text("addresses"),
        verify="verify" in form,
        force="force" in form,
        verified=verified,
        may_register=visit.may("RegisterDeployment"),
        may_verify=visit.may("VerifyDeployment"),
        may_remove=visit.may("RemoveDeployment"),
    )
