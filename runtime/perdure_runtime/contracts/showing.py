"""Payloads, state and errors as people read them: decoded by the contracts of the deployment that wrote them.

Where that deployment is not there any more, the newest of the service decodes what it can.
"""

import base64
import json
from collections.abc import Callable, Iterator

from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2
from perdure_protos.perdure.admin.v1.payload_pb2 import Payload, TerminalError
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

from perdure_runtime.contracts.contracts import Contracts
from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.contracts.facts import HandlerFacts, ServiceFacts
from perdure_runtime.contracts.shapes import NotShown, Shape, find_shape, shape_of

# In lists no more than this is decoded of one message; where one is asked for, more.
MOST_IN_LISTS = 64 * 1024
MOST_OF_ONE = 4 * 1024 * 1024
# How the SDK marks results of steps that are no JSON.
STEP_BYTES, STEP_MESSAGE = b"\x01", b"\x02"


class Showing:
    """Decodes by the contracts that there are; make one for each request, they change."""

    def __init__(self, newest: Contracts, of_deployment: Callable[[str], Contracts | None]) -> None:
        """``of_deployment`` gives the contracts of a deployment that is there."""
        self._newest = newest
        self._of_deployment = of_deployment

    # Which message it is.

    def service(self, service: str, deployment_id: str = "") -> ServiceFacts | None:
        """A service as a deployment has it, else as the newest has."""
        contracts = self._of_deployment(deployment_id) if deployment_id else None
        return (contracts.get(service) if contracts is not None else None) or self._newest.get(service)

    def handler(self, service: str, handler: str, deployment_id: str = "") -> HandlerFacts | None:
        """A handler as a deployment has it, else as the newest has."""
        for facts in (self.service(service, deployment_id), self._newest.get(service)):
            if facts is not None and handler in facts.handlers:
                return facts.handlers[handler]
        return None

    def request(self, service: str, handler: str, deployment_id: str = "") -> Shape | None:
        """What a handler takes."""
        facts = self.handler(service, handler, deployment_id)
        return None if facts is None else Shape(facts.request, facts.descriptors.pool)

    def response(self, service: str, handler: str, deployment_id: str = "") -> Shape | None:
        """What a handler gives."""
        facts = self.handler(service, handler, deployment_id)
        return None if facts is None else Shape(facts.response, facts.descriptors.pool)

    def state(self, service: str, deployment_id: str = "") -> Shape | None:
        """The state message of a service."""
        facts = self.service(service, deployment_id)
        return None if facts is None or facts.state is None else shape_of(facts.state, facts.descriptors)

    def promise(self, service: str, name: str, deployment_id: str = "") -> Shape | None:
        """The message of a promise."""
        facts = self.service(service, deployment_id)
        type = facts.promises.get(name) if facts is not None else None
        return None if facts is None or type is None else shape_of(type, facts.descriptors)

    def named(self, type: str, service: str = "", deployment_id: str = "") -> Shape | None:
        """A message by its full name: as this service has it, else in whichever contract has it."""
        return find_shape(type, self._sets(service, deployment_id))

    def _sets(self, service: str, deployment_id: str) -> Iterator[Descriptors]:
        facts = self.service(service, deployment_id) if service else None
        if facts is not None:
            yield facts.descriptors
        yield from dict.fromkeys(each.descriptors for each in self._newest.values())

    # How it is shown.

    def step(self, value: bytes, service: str, deployment_id: str, most: int = MOST_IN_LISTS) -> Payload:
        """The result of a step, which is whatever its function returned."""
        if value.startswith(STEP_MESSAGE):
            name, _, message = value[1:].partition(b"\0")
            return payload(self._of_class(name.decode("utf-8", "replace"), service, deployment_id), message, most)
        shown = Payload(size=len(value))
        if len(value) > most:
            shown.problem = _too_long(len(value))
        elif value.startswith(STEP_BYTES):
            shown.type, shown.json = "bytes", json.dumps(base64.b64encode(value[1:]).decode())
        else:
            try:
                text = value.decode()
                json.loads(text)
                shown.json = text
            except (ValueError, RecursionError) as error:
                shown.problem, shown.raw = f"it is no result as the Python SDK writes them: {error}", value
        return shown

    def error(self, failure: Failure, service: str = "", deployment_id: str = "") -> TerminalError:
        """A terminal error with its details."""
        return TerminalError(
            code=failure.code,
            name=code_name(failure.code),
            message=failure.message,
            details=[self._detail(each, service, deployment_id) for each in failure.details],
        )

    def _detail(self, serialised: bytes, service: str, deployment_id: str) -> Payload:
        try:
            packed = any_pb2.Any.FromString(serialised)
        except DecodeError as error:
            return Payload(size=len(serialised), problem=f"it is no google.protobuf.Any: {error}", raw=serialised)
        name = packed.type_url.rpartition("/")[2]
        return payload(self.named(name, service, deployment_id), packed.value, type=name)

    def _of_class(self, name: str, service: str, deployment_id: str) -> Shape | None:
        """The message of a generated class: its module ends with the proto package."""
        module, _, kind = name.partition(":")
        parts = module.split(".")
        for start in range(len(parts) + 1):
            found = self.named(".".join((*parts[start:], kind)), service, deployment_id)
            if found is not None:
                return found
        return None


def payload(
    shape: Shape | None, value: bytes, most: int = MOST_IN_LISTS, *, type: str = "", field: str = ""
) -> Payload:
    """A serialised message as JSON; ``type`` names it where its ``shape`` is not known.

    Of a state message only ``field`` is shown, which is all that it has.
    """
    shown = Payload(type=shape.name if shape is not None else type, size=len(value))
    if len(value) > most:
        shown.problem = _too_long(len(value))
        return shown
    if shape is None:
        unknown = f"no registered deployment has {type}" if type else "it is not known which message this is"
        shown.problem, shown.raw = unknown, value
        return shown
    try:
        shown.json = shape.field_to_json(value, field) if field else shape.to_json(value)
    except NotShown as problem:
        shown.problem, shown.raw = str(problem), value
    return shown


def code_name(code: int) -> str:
    """The name of a gRPC status code, such as "FAILED_PRECONDITION"; UNKNOWN for a number that is none."""
    try:
        name: str = code_pb2.Code.Name(code)
    except ValueError:
        return "UNKNOWN"
    return name


def _too_long(size: int) -> str:
    return f"it has {size} bytes, which is too long to show here"
