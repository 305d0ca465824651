"""Calling a handler by hand: a form made from its request, or JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

from grpclib.const import Status
from perdure_protos.perdure.admin.v1.deployments_pb2 import GetServiceRequest, Handler, Service
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link
from perdure_runtime.ui.port import HandlerAnswer, HandlerCall
from perdure_runtime.ui.schema_form import SchemaForm
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: an ``answer``, or a ``problem`` with the invocation where there is one."""

    invocation_id: str
    answer: str = ""
    problem: str = ""
    code: str = ""


def routes(site: Site) -> Iterable[Route]:
    """The form, and what it does."""
    yield shown(site, "/services/{service}/{handler}", show)
    yield done(site, "/services/{service}/{handler}", call)


async def show(visit: Visit) -> Response:
    """Shows the empty form, or the example as JSON."""
    service, handler = await _find(visit)
    return _page(visit, service, handler, Form(), as_json="json" in visit.query)


async def call(visit: Visit) -> Response:
    """Calls or sends; or only turns what is filled in into JSON."""
    service, handler = await _find(visit)
    form = await visit.form()
    as_json = "json" in form
    try:
        request = form.text("json") if as_json else SchemaForm(handler.request_schema).message(form)
    except Refusal as refusal:
        return _page(visit, service, handler, form, as_json=False, problem=refusal.message)
    go = form.text("go")
    if go == "to_json":
        return _page(visit, service, handler, Form([*form, ("json", request)]), as_json=True)
    wanted = HandlerCall(service.name, handler.name, request, form.line("idempotency_key"), one_way=go == "send")
    try:
        answer = await visit.call(wanted)
    except Refusal as refusal:
        code = refusal.code.name.lower().replace("_", " ")
        outcome = Outcome(refusal.invocation_id, problem=refusal.message, code=code)
        return _page(visit, service, handler, form, as_json=as_json, outcome=outcome)
    if wanted.one_way:
        return visit.go(link("invocations", answer.invocation_id), "Sent: this is its invocation.")
    return _page(visit, service, handler, form, as_json=as_json, outcome=_outcome(answer))


def _outcome(answer: HandlerAnswer) -> Outcome:
    return Outcome(answer.invocation_id, answer=answer.response)


async def _find(visit: Visit) -> tuple[Service, Handler]:
    service = await visit.ask("GetService", GetServiceRequest(name=visit.part("service")), Service)
    name = visit.part("handler")
    handler = next((each for each in service.handlers if each.name == name), None)
    if handler is None:
        known = ", ".join(each.name for each in service.handlers)
        raise Refusal(Status.NOT_FOUND, f"{service.name} has no handler {name[:100]!r}; it has {known}")
    return service, handler


def _page(
    visit: Visit,
    service: Service,
    handler: Handler,
    form: Form,
    *,
    as_json: bool,
    problem: str = "",
    outcome: Outcome | None = None,
) -> Response:
    made = SchemaForm(handler.request_schema, handler.key_field)
    return visit.page(
        "call.html",
        http_status=400 if problem else 200,
        problem=problem,
        title=f"{service.name}/{handler.name}",
        service=service,
        handler=handler,
        as_json=as_json or not made.is_object,
        has_form=made.is_object,
        fields=made.fields(form),
        json=form.text("json", handler.request_example),
        idempotency_key=form.text("idempotency_key"),
        outcome=outcome,
        may_call=visit.principal.may_call(service.name),
    )
