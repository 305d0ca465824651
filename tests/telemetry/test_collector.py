"""Spans on their way to a collector, and what happens where they cannot be."""

import asyncio
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.partition.rows import SHARED, Ended, Invocation, Running, Status, Target
from perdure_runtime.telemetry.collector import Collector
from perdure_runtime.telemetry.settings import LogSettings, TraceSettings
from perdure_runtime.telemetry.telemetry import Telemetry, TelemetryProblem
from perdure_runtime.telemetry.tracing import InvocationSpan, Tracing
from pydantic import SecretStr, ValidationError

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def invocation(status: Status, traceparent: str = CALLER) -> Invocation:
    """One that was accepted at 1,000 ms."""
    target = Target("shop.v1.Orders", "Process", "")
    headers = (("traceparent", traceparent),)
    return Invocation("inv_1", target, SHARED, b"", headers, "", None, 1_000, status, attempt=3)


def test_the_span_of_an_invocation_reaches_the_collector_with_its_own_times() -> None:
    received: list[tuple[str | None, ExportTraceServiceRequest]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.headers["x-api-key"], ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}/v1/traces"
    settings = TraceSettings(endpoint=endpoint, headers={"x-api-key": SecretStr("k")}, service_name="shop")
    collector = Collector(settings)
    outcome = Outcome(failure=Failure(code=5, message="no such order"))
    collector.tracing.ended(invocation(Ended(outcome, 2_500, 0, 0)))
    collector.close()
    server.shutdown()
    server.server_close()

    ((key, request),) = received
    resource = request.resource_spans[0]
    span = resource.scope_spans[0].spans[0]
    attributes = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
    assert key == "k"
    assert "shop" in {each.value.string_value for each in resource.resource.attributes if each.key == "service.name"}
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_000_000_000, 2_500_000_000)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (CALLER[3:35], CALLER[36:52])
    assert (span.status.message, attributes["perdure.code"], attributes["perdure.attempts"]) == (
        "no such order",
        "NOT_FOUND",
        3,
    )


def test_an_invocation_that_runs_yet_or_whose_trace_is_not_kept_is_no_span() -> None:
    recorded: list[InvocationSpan] = []
    tracing = Tracing(trace.NoOpTracer(), recorded.append)
    tracing.ended(invocation(Running()))
    tracing.ended(invocation(Ended(Outcome(), 2_000, 0, 0), traceparent=CALLER[:-1] + "0"))
    assert recorded == []

    tracing.ended(invocation(Ended(Outcome(), 2_000, 0, 0)))
    assert [span.name for span in recorded] == ["invocation shop.v1.Orders/Process"]


def test_traces_without_their_package_are_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "perdure_runtime.telemetry.collector", raising=False)

    with pytest.raises(TelemetryProblem, match=r"pip install 'perdure\[telemetry\]'"):
        Telemetry(TraceSettings(endpoint="http://localhost:4318/v1/traces"), lambda: 0)


def test_without_an_endpoint_there_are_numbers_and_no_traces() -> None:
    async def story() -> None:
        telemetry = Telemetry(TraceSettings(), lambda: 0)
        telemetry.start()
        await telemetry.close()

        assert telemetry.tracing is None
        assert telemetry.samples.list() == []

    asyncio.run(story())


@pytest.mark.parametrize("endpoint", ["localhost:4318", "grpc://localhost:4317", "http://"])
def test_an_endpoint_that_is_no_url_is_refused_with_an_example(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="write it as http://localhost:4318/v1/traces"):
        TraceSettings(endpoint=endpoint)


def test_settings_do_not_show_the_key_of_the_collector() -> None:
    settings = TraceSettings(headers={"x-api-key": SecretStr("hunter2")})

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_settings_that_nobody_made_are_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        LogSettings.model_validate({"colour": "green"})
