"""Whether the options of a service and its handlers fit together."""

import keyword
import re
from collections.abc import Iterator

from perdure_codegen.check_types import without_class
from perdure_codegen.contract import (
    Contract,
    Execution,
    Field,
    Handler,
    HandlerKind,
    Message,
    Package,
    Place,
    Service,
    ServiceKind,
)
from perdure_codegen.problem import Problem

# What an rpc may say of itself in each kind of service.
FITTING = {
    ServiceKind.SERVICE: frozenset[HandlerKind](),
    ServiceKind.VIRTUAL_OBJECT: frozenset({HandlerKind.EXCLUSIVE, HandlerKind.SHARED}),
    ServiceKind.WORKFLOW: frozenset({HandlerKind.RUN, HandlerKind.SHARED}),
}
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MARK = "[(perdure.v1.field).key = true]"


class ServiceCheck:
    """Checks one service."""

    def __init__(self, contract: Contract, package: Package, service: Service) -> None:
        self._contract = contract
        self._reach = package.reach
        self._service = service

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with it."""
        service = self._service
        yield from self._state()
        yield from self._promises()
        yield from self._runs()
        yield from _execution(service.execution, f"(perdure.v1.service).{{}} of {service.full_name}", service.option)
        if service.kind is not ServiceKind.WORKFLOW and "workflow_retention" in service.execution.durations_ns:
            yield self._about(
                "workflow_retention", f"this is a {service.kind.value}: remove it, only a WORKFLOW has it"
            )
        for handler in service.handlers:
            yield from self._handler(handler)

    def _about(self, option: str, sentence: str) -> Problem:
        return Problem(self._service.option, f"(perdure.v1.service).{option} of {self._service.full_name}", sentence)

    def _state(self) -> Iterator[Problem]:
        state = self._service.state
        if not state:
            return
        if self._service.kind is ServiceKind.SERVICE:
            yield self._about(
                "state", "a plain service has no state: make it a VIRTUAL_OBJECT or WORKFLOW, or remove the state"
            )
        wrong = self._unknown(state)
        if wrong:
            yield self._about("state", wrong)
        elif self._contract.messages[state].package.startswith("google.protobuf"):
            yield self._about(
                "state", f"{state} is not a message of yours: declare one with a field for each state key"
            )

    def _promises(self) -> Iterator[Problem]:
        service = self._service
        if service.promises and service.kind is not ServiceKind.WORKFLOW:
            yield self._about("promises", f"this is a {service.kind.value}: make it a WORKFLOW, or remove them")
        known: set[str] = set()
        for promise in service.promises:
            if not SNAKE_CASE.fullmatch(promise.name) or keyword.iskeyword(promise.name):
                yield self._about(
                    "promises",
                    f'"{promise.name}" cannot be a Python attribute in snake_case: name it like email_verified',
                )
            elif promise.name in known:
                yield self._about("promises", f'two are called "{promise.name}": rename one of them')
            known.add(promise.name)
            wrong = (
                self._unknown(promise.type) if promise.type else "it has no type: say type with the name of a message"
            )
            if wrong:
                yield self._about("promises", f'"{promise.name}": {wrong}')

    def _unknown(self, full_name: str) -> str:
        """Why a message that an option names cannot be used; empty where it can."""
        message = self._contract.messages.get(full_name)
        if message is None and full_name in self._contract.enums:
            return f"{full_name} is an enum: name a message"
        if message is None:
            alike = [name for name in self._contract.messages if name.endswith(f".{full_name.rpartition('.')[2]}")]
            hint = f"; did you mean {' or '.join(sorted(alike))}?" if alike else ": declare it, or import its file"
            return f"there is no message {full_name}{hint}"
        if message.file not in self._reach:
            return f'{full_name} is in a file that is not imported: write import "{message.file}";'
        return without_class(self._contract, full_name)

    def _runs(self) -> Iterator[Problem]:
        service = self._service
        runs = [handler for handler in service.handlers if handler.kind is HandlerKind.RUN]
        if service.kind is not ServiceKind.WORKFLOW or len(runs) == 1:
            return
        if not runs:
            yield Problem(
                service.option,
                f"(perdure.v1.service).kind of {service.full_name}",
                "a WORKFLOW needs one run handler and has none: name an rpc Run, or give one the kind RUN",
            )
        for second in runs[1:]:
            yield Problem(
                second.option,
                f"(perdure.v1.method).kind of {second.full_name}",
                f"a WORKFLOW has one run handler, and {runs[0].name} is one already: give one of them the kind SHARED",
            )

    def _handler(self, handler: Handler) -> Iterator[Problem]:
        kind = self._service.kind
        if handler.streams:
            sentence = "it streams, but a handler takes one request and gives one response: remove stream"
            yield Problem(handler.place, f"rpc {handler.full_name}", sentence)
        for type in (handler.request, handler.response):
            wrong = without_class(self._contract, type)
            if wrong:
                yield Problem(handler.place, f"rpc {handler.full_name}", wrong)
        if handler.said_kind is not None and handler.said_kind not in FITTING[kind]:
            fitting = " or ".join(sorted(each.name for each in FITTING[kind]))
            sentence = f"{handler.said_kind.name} is not for a handler of a {kind.value}: "
            sentence += f"make it {fitting}" if fitting else "remove it"
            yield Problem(handler.option, f"(perdure.v1.method).kind of {handler.full_name}", sentence)
        option = f"(perdure.v1.method).{{}} of {handler.full_name}"
        yield from _execution(handler.execution, option, handler.option, self._service.execution)
        if kind is not ServiceKind.SERVICE:
            yield from self._key(handler, self._contract.messages[handler.request])

    def _key(self, handler: Handler, request: Message) -> Iterator[Problem]:
        subject = f"(perdure.v1.field).key of {request.full_name}"
        keys = [field for field in request.fields if field.key]
        if not keys:
            whose = f"a request of the {self._service.kind.value} {self._service.full_name}"
            if self._contract.files[request.file].generated:
                sentence = f"it is {whose} and has no key: mark the string field that names the object with {MARK}"
                yield Problem(request.place, subject, sentence)
            else:
                sentence = (
                    f"it is {whose} and not of this contract: take a message of yours, with a field marked {MARK}"
                )
                yield Problem(handler.place, subject, sentence)
        for second in keys[1:]:
            sentence = f"both {keys[0].name} and {second.name} are marked: mark one field, which names the object"
            yield Problem(second.key_place or second.place, subject, sentence)
        for key in keys:
            wrong = _no_key(key)
            if wrong:
                sentence = f"{key.name} {wrong}: mark a plain string field"
                yield Problem(key.key_place or key.place, subject, sentence)


def _no_key(field: Field) -> str:
    if field.map_key is not None:
        return "is a map"
    if field.repeated:
        return "is repeated"
    if field.type.proto != "string":
        return f"is of type {field.type.name or field.type.proto}"
    return f"is part of the oneof {field.oneof}" if field.oneof else ""


def _execution(execution: Execution, option: str, place: Place, below: Execution | None = None) -> Iterator[Problem]:
    """The problems of execution options.

    Args:
        option: Says which option it is, with a place for its path.
        below: What counts where these say nothing.
    """
    for path, nanoseconds in execution.durations_ns.items():
        if nanoseconds < 0:
            yield Problem(place, option.format(path), f"{nanoseconds / 1e9:g} s is negative: say zero or longer")
    # Not said is 0 here. A factor that is no number is not at least 1 either.
    if execution.factor != 0 and not execution.factor >= 1:
        sentence = (
            f"{execution.factor:g} is less than 1, so each wait would be shorter than the one before: say 1 or more"
        )
        yield Problem(place, option.format("execution.retry.factor"), sentence)
    said = execution.durations_ns
    known = {**(below.durations_ns if below else {}), **said}
    initial, longest = "execution.retry.initial_interval", "execution.retry.max_interval"
    if (initial in said or longest in said) and known.get(longest, known.get(initial, 0)) < known.get(initial, 0):
        sentence = (
            f"{known[longest] / 1e9:g} s is shorter than the initial_interval of {known[initial] / 1e9:g} s: "
            "say at least as long"
        )
        yield Problem(place, option.format(longest), sentence)
