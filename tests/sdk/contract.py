"""A contract as generated code would give it: a service and a virtual object whose handlers each test brings along."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import betterproto
from google.protobuf import descriptor_pb2
from perdure import Context, Endpoint, ObjectContext, SharedObjectContext, codec
from perdure.calls import CallerT
from perdure.handlers import Handlers
from perdure.method import ObjectClient, Rpc, ServiceClient
from perdure.service import Handler, HandlerKind, Service, ServiceKind
from perdure.state import ReadState, ReadStateField, State, StateField

PACKAGE = "testing.v1"


@dataclass(eq=False, repr=False)
class Word(betterproto.Message):
    """What all handlers take and give."""

    text: str = betterproto.string_field(1)
    counter: str = betterproto.string_field(2)
    number: int = betterproto.int64_field(3)


@dataclass(eq=False, repr=False)
class CounterState(betterproto.Message):
    """State of a counter."""

    value: int = betterproto.int64_field(1)
    names: list[str] = betterproto.string_field(2)  # noqa: RUF009  # as betterproto declares fields


def _file() -> bytes:
    file = descriptor_pb2.FileDescriptorProto(name="testing/v1/testing.proto", package=PACKAGE, syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in {
        "Word": [
            ("text", kinds.TYPE_STRING, kinds.LABEL_OPTIONAL),
            ("counter", kinds.TYPE_STRING, kinds.LABEL_OPTIONAL),
            ("number", kinds.TYPE_INT64, kinds.LABEL_OPTIONAL),
        ],
        "CounterState": [
            ("value", kinds.TYPE_INT64, kinds.LABEL_OPTIONAL),
            ("names", kinds.TYPE_STRING, kinds.LABEL_REPEATED),
        ],
    }.items():
        message = file.message_type.add(name=name)
        for number, (field, kind, label) in enumerate(fields, start=1):
            message.field.add(name=field, number=number, type=kind, label=label, json_name=field)
    for service_name, methods in {"Story": ["Do"], "Counter": ["Add", "Read"], "Flow": ["Run", "Verify"]}.items():
        service = file.service.add(name=service_name)
        for method in methods:
            service.method.add(name=method, input_type=f".{PACKAGE}.Word", output_type=f".{PACKAGE}.Word")
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()


codec.bind(_file(), {f"{PACKAGE}.Word": Word, f"{PACKAGE}.CounterState": CounterState})


class CounterWriter(State):
    """State of a counter, for its writer."""

    value = StateField[int]("value")
    names = StateField[list[str]]("names")


class CounterReader(ReadState):
    """State of a counter, for readers."""

    value = ReadStateField[int]("value")
    names = ReadStateField[list[str]]("names")


class CounterContext(ObjectContext[CounterWriter]):
    """For the writer."""

    state_type = CounterWriter


class CounterSharedContext(SharedObjectContext[CounterReader]):
    """For readers."""

    state_type = CounterReader


STORY = Service(f"{PACKAGE}.Story", ServiceKind.SERVICE, (Handler("Do", "do", Word, Word),))
COUNTER = Service(
    f"{PACKAGE}.Counter",
    ServiceKind.VIRTUAL_OBJECT,
    (
        Handler("Add", "add", Word, Word, HandlerKind.EXCLUSIVE, key_field="counter"),
        Handler("Read", "read", Word, Word, HandlerKind.SHARED, key_field="counter"),
    ),
    state=CounterState,
    context=CounterContext,
    shared_context=CounterSharedContext,
)

StoryHandler = Callable[[Context, Word], Awaitable[Word]]
AddHandler = Callable[[CounterContext, Word], Awaitable[Word]]
ReadHandler = Callable[[CounterSharedContext, Word], Awaitable[Word]]


async def _nothing(ctx: Context, request: Word) -> Word:
    return Word()


class Story(Handlers):
    """Does what a test says."""

    service = STORY

    def __init__(self, do: StoryHandler) -> None:
        self._do = do

    async def do(self, ctx: Context, request: Word) -> Word:
        """Runs the test's handler."""
        return await self._do(ctx, request)


class Counter(Handlers):
    """Does what a test says."""

    service = COUNTER

    def __init__(self, add: AddHandler = _nothing, read: ReadHandler = _nothing) -> None:
        self._add = add
        self._read = read

    async def add(self, ctx: CounterContext, request: Word) -> Word:
        """Runs the test's handler."""
        return await self._add(ctx, request)

    async def read(self, ctx: CounterSharedContext, request: Word) -> Word:
        """Runs the test's handler."""
        return await self._read(ctx, request)


class StoryClient(ServiceClient[CallerT]):
    """Calls Story."""

    service = STORY
    do = Rpc[Word, Word]("Do")


class CounterClient(ObjectClient[CallerT]):
    """Calls Counter."""

    service = COUNTER
    add = Rpc[Word, Word]("Add")
    read = Rpc[Word, Word]("Read")


def endpoint(do: StoryHandler = _nothing, add: AddHandler = _nothing, read: ReadHandler = _nothing) -> Endpoint:
    """An endpoint whose handlers do this."""
    return Endpoint(Story(do), Counter(add, read))
