"""Services: what their contracts say, and how operators want them to be treated."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    GetServiceRequest,
    Handler,
    ListServicesRequest,
    ListServicesResponse,
    RetryPolicy,
    Service,
    ServiceSettings,
    UpdateServiceRequest,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.durations import read_ms, written
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link
from perdure_runtime.ui.numbers import read_decimal
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown

# Lengths of time that settings have, and what each is.
LENGTHS = {
    "idempotency_retention_ms": "Idempotency retention",
    "journal_retention_ms": "Journal retention",
    "inactivity_timeout_ms": "Inactivity timeout",
    "abort_timeout_ms": "Abort timeout",
}
RETRY = ("initial_interval_ms", "factor", "max_interval_ms", "max_attempts", "then")


def routes(site: Site) -> Iterable[Route]:
    """The list, a service, and its settings."""
    yield shown(site, "/services", show_all)
    yield shown(site, "/services/{service}", show)
    yield done(site, "/services/{service}/settings", change)


async def show_all(visit: Visit) -> Response:
    """Shows all services."""
    found = await visit.ask("ListServices", ListServicesRequest(), ListServicesResponse)
    return visit.page("services.html", title="Services", services=found.services)


async def show(visit: Visit) -> Response:
    """Shows a service."""
    return await _page(visit, None)


async def change(visit: Visit) -> Response:
    """Sets what the form has, in place of all that was set; or clears it."""
    name, form = visit.part("service"), await visit.form()
    try:
        settings = ServiceSettings() if "clear" in form else read_settings(form)
        await visit.ask("UpdateService", UpdateServiceRequest(name=name, settings=settings), Service)
    except Refusal as refusal:
        return await _page(visit, form, refusal.message)
    return visit.go(
        link("services", name), "The settings are cleared." if "clear" in form else "The settings are kept."
    )


async def _page(visit: Visit, form: Form | None, problem: str = "") -> Response:
    service = await visit.ask("GetService", GetServiceRequest(name=visit.part("service")), Service)
    return visit.page(
        "service.html",
        http_status=400 if problem else 200,
        problem=problem,
        title=service.name,
        service=service,
        values={name: form.text(name) for name in FIELDS} if form is not None else values_of(service.settings),
        lengths=LENGTHS,
        has_settings=bool(service.settings.ListFields()),
        may_edit=visit.may("UpdateService"),
        default=_defaults(service.handlers[0]) if service.handlers else {},
    )


FIELDS = ("public", *LENGTHS, *RETRY)


def read_settings(form: Form) -> ServiceSettings:
    """The settings in a form; an empty field is as the contract says. Raises Refusal."""
    settings = ServiceSettings()
    if form.text("public"):
        settings.public = form.text("public") == "yes"
    for name, words in LENGTHS.items():
        if form.line(name):
            setattr(settings, name, read_ms(words.lower(), form.line(name)))
    if any(form.line(name) for name in RETRY):
        settings.retry.CopyFrom(
            RetryPolicy(
                initial_interval_ms=read_ms("first interval", form.line("initial_interval_ms") or "100 ms"),
                factor=read_decimal("factor", form.line("factor") or "2"),
                max_interval_ms=read_ms("longest interval", form.line("max_interval_ms") or "1 min"),
                max_attempts=form.whole("max_attempts"),
                pause=form.text("then") != "fail",
            )
        )
    return settings


def values_of(settings: ServiceSettings) -> dict[str, str]:
    """Settings as the fields of their form."""
    values = dict.fromkeys(FIELDS, "")
    if settings.HasField("public"):
        values["public"] = "yes" if settings.public else "no"
    for name in LENGTHS:
        if settings.HasField(name):  # type: ignore[arg-type]  # the stub wants one literal; LENGTHS has such alone
            values[name] = written(getattr(settings, name))
    if settings.HasField("retry"):
        values |= _retry(settings.retry)
    return values


def _defaults(handler: Handler) -> dict[str, str]:
    """What holds where nothing is set, as far as one handler tells."""
    return {name: written(getattr(handler, name)) for name in LENGTHS} | _retry(handler.retry)


def _retry(retry: RetryPolicy) -> dict[str, str]:
    return {
        "initial_interval_ms": written(retry.initial_interval_ms),
        "factor": f"{retry.factor:g}",
        "max_interval_ms": written(retry.max_interval_ms),
        "max_attempts": str(retry.max_attempts),
        "then": "pause" if retry.pause else "fail",
    }
