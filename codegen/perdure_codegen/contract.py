"""What a contract says, as frozen facts: made by `parse`, judged by `check`, written down by `render`.

A contract that is wrong can be told here too: facts hold what people wrote, and only `check` knows what is right.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class ServiceKind(enum.Enum):
    """The three kinds of service, and what people call them."""

    SERVICE = "plain service"
    VIRTUAL_OBJECT = "virtual object"
    WORKFLOW = "workflow"


class HandlerKind(enum.Enum):
    """How a handler may run beside the other handlers of its key."""

    PLAIN = enum.auto()
    EXCLUSIVE = enum.auto()
    SHARED = enum.auto()
    RUN = enum.auto()


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: a proto file, and line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class FieldType:
    """The type of one value.

    Attributes:
        proto: As protobuf calls it: "string", "sint32", "message", "enum".
        name: Messages and enums: the full name.
    """

    proto: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Attributes:
        map_key: Maps: the type of the key; `type` is that of the value.
        oneof: The oneof it belongs to, else empty.
        key: Whether it is marked as the key of its object.
        key_place: Where it is marked.
    """

    name: str
    number: int
    type: FieldType
    place: Place
    comment: str = ""
    repeated: bool = False
    optional: bool = False
    map_key: FieldType | None = None
    oneof: str = ""
    key: bool = False
    key_place: Place | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message type, nested or not.

    Attributes:
        path: Its name within its package, such as ("Order", "Item").
        package: Its proto package.
        file: The proto file that declares it.
    """

    full_name: str
    path: tuple[str, ...]
    package: str
    file: str
    place: Place
    comment: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A value of an enum."""

    name: str
    number: int
    place: Place
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Enum:
    """An enum type, nested or not; attributes as those of a Message."""

    full_name: str
    path: tuple[str, ...]
    package: str
    file: str
    place: Place
    comment: str
    values: tuple[EnumValue, ...]


@dataclass(frozen=True, slots=True)
class Execution:
    """The execution options of a service or handler, of which all may be absent.

    Attributes:
        durations_ns: By the path of the option below its service or handler, such as "execution.abort_timeout".
        factor: What each wait of the retries is multiplied by; 0 where it is not set.
    """

    durations_ns: Mapping[str, int]
    factor: float


@dataclass(frozen=True, slots=True)
class Handler:
    """An rpc.

    Attributes:
        option: Where its perdure options stand; where it stands itself if it has none.
        said_kind: The kind that its options say, None where they say nothing.
        request: Full name of the message it takes.
        streams: Whether its request, its response or both are streams.
    """

    name: str
    full_name: str
    place: Place
    option: Place
    comment: str
    kind: HandlerKind
    said_kind: HandlerKind | None
    request: str
    response: str
    streams: bool
    execution: Execution


@dataclass(frozen=True, slots=True)
class Promise:
    """A durable promise of a workflow, `type` being the full name of its message."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service.

    Attributes:
        option: Where its perdure options stand; where it stands itself if it has none.
        state: Full name of the state message, empty where it has none.
    """

    name: str
    full_name: str
    place: Place
    option: Place
    comment: str
    kind: ServiceKind
    state: str
    promises: tuple[Promise, ...]
    handlers: tuple[Handler, ...]
    execution: Execution


@dataclass(frozen=True, slots=True)
class File:
    """A proto file.

    Attributes:
        syntax: "proto3", "proto2", or "edition 2023".
        syntax_place: Where it says so.
        package_place: Where it names its package.
        imports: The files that it imports itself.
        reach: Itself and all files that it imports, directly or not.
        generated: Whether code is asked for.
    """

    name: str
    package: str
    syntax: str
    syntax_place: Place
    package_place: Place
    comment: str
    imports: tuple[str, ...]
    reach: frozenset[str]
    generated: bool
    messages: tuple[Message, ...]
    enums: tuple[Enum, ...]
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """A proto package for which code is asked: all its files become one Python module.

    Attributes:
        descriptors: The serialised FileDescriptorSet that the module carries.
    """

    name: str
    files: tuple[File, ...]
    descriptors: bytes

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of all its files."""
        return tuple(message for file in self.files for message in file.messages)

    @property
    def enums(self) -> tuple[Enum, ...]:
        """The enums of all its files."""
        return tuple(each for file in self.files for each in file.enums)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services of all its files."""
        return tuple(service for file in self.files for service in file.services)

    @property
    def reach(self) -> frozenset[str]:
        """All files whose types its module knows."""
        return frozenset[str]().union(*(file.reach for file in self.files))


@dataclass(frozen=True, slots=True)
class Contract:
    """All that one run of the plugin was given.

    Attributes:
        packages: Those for which code is asked.
        files: All files by name, imported ones too.
        messages: All messages by full name, imported ones too.
        enums: Likewise.
    """

    packages: tuple[Package, ...]
    files: Mapping[str, File]
    messages: Mapping[str, Message]
    enums: Mapping[str, Enum]
