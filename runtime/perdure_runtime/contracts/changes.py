"""What a new contract changes, and whom that breaks: callers, stored state, or journals of what runs.

Rules of protobuf's wire and JSON: fields may come, and none may go or be renamed; a number keeps its type, or changes
to one that is read from the same bytes. State and journals are stored as bytes: a new name means nothing to them.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from perdure_runtime.contracts.contracts import Contracts
from perdure_runtime.contracts.facts import HandlerFacts, ServiceFacts

# Types of one group are read from the same bytes, and from the same JSON.
_GROUPS = (
    {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_UINT32},
    {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64},
    {FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32},
    {FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64},
)


class Breaks(enum.Enum):
    """Whom a change breaks."""

    CALLERS = "breaks callers"
    STATE = "breaks stored state"
    JOURNALS = "breaks in-flight journals"


@dataclass(frozen=True, slots=True)
class Change:
    """One change that breaks somebody.

    ``service`` and ``handler`` say what would have to be in use for it to matter, ``name`` the state key; "" where the
    whole service counts.
    """

    breaks: Breaks
    what: str
    service: str
    handler: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Difference:
    """What two versions of a message read otherwise; ``json_only`` where their bytes are the same."""

    what: str
    json_only: bool = False


def changes(old: Contracts, new: Contracts) -> list[Change]:
    """What breaks when the services of ``new`` take the place of those of ``old``; additions never do."""
    found: list[Change] = []
    for name, service in new.items():
        before = old.get(name)
        if before is not None:
            found += _service(before, service)
    return found


def _service(old: ServiceFacts, new: ServiceFacts) -> Iterator[Change]:
    if old.kind is not new.kind:
        yield Change(Breaks.CALLERS, f"{new.name} was a {old.kind.value} and is a {new.kind.value}", new.name)
        yield Change(Breaks.JOURNALS, f"{new.name} was a {old.kind.value} and is a {new.kind.value}", new.name)
        return
    for handler in old.handlers.values():
        after = new.handlers.get(handler.name)
        if after is None:
            yield Change(Breaks.CALLERS, f"{new.name}/{handler.name} is gone", new.name, handler.name)
            yield Change(Breaks.JOURNALS, f"{new.name}/{handler.name} is gone", new.name, handler.name)
        else:
            yield from _handler(handler, after)
    yield from _state(old, new)
    yield from _promises(old, new)


def _handler(old: HandlerFacts, new: HandlerFacts) -> Iterator[Change]:
    place = f"{new.service}/{new.name}"
    if old.public and not new.public:
        yield Change(Breaks.CALLERS, f"{place} was public and is private", new.service, new.name)
    if old.key_field != new.key_field:
        yield Change(
            Breaks.CALLERS, f"the key of {place} was {old.key_field} and is {new.key_field}", new.service, new.name
        )
    # Not the whole mode: an invocation keeps how it is cancelled from when it was made.
    if old.kind is not new.kind:
        yield Change(Breaks.JOURNALS, f"{place} was {old.kind.value} and is {new.kind.value}", new.service, new.name)
    for old_type, new_type in zip(_types(old), _types(new), strict=True):
        for difference in _message(old_type, new_type, set()):
            what = f"{place}: {difference.what}"
            yield Change(Breaks.CALLERS, what, new.service, new.name)
            if not difference.json_only:
                yield Change(Breaks.JOURNALS, what, new.service, new.name)


def _types(handler: HandlerFacts) -> tuple[Descriptor, Descriptor]:
    pool = handler.descriptors.pool
    request, response = handler.request.DESCRIPTOR.full_name, handler.response.DESCRIPTOR.full_name
    return pool.FindMessageTypeByName(request), pool.FindMessageTypeByName(response)


def _state(old: ServiceFacts, new: ServiceFacts) -> Iterator[Change]:
    if old.state is None:
        return
    if new.state is None:
        for field in old.state.fields:
            yield Change(Breaks.STATE, f"{new.name} has no state any more", new.name, name=field.name)
        return
    after = {field.name: field for field in new.state.fields}
    for field in old.state.fields:
        kept = after.get(field.name)
        place = f"{old.state.full_name}.{field.name}"
        if kept is None:
            yield Change(Breaks.STATE, f"{place} is gone", new.name, name=field.name)
        elif kept.number != field.number:
            what = f"{place} was number {field.number} and is {kept.number}"
            yield Change(Breaks.STATE, what, new.name, name=field.name)
        else:
            for difference in _field(field, kept, set()):
                if not difference.json_only:
                    yield Change(Breaks.STATE, difference.what, new.name, name=field.name)


def _promises(old: ServiceFacts, new: ServiceFacts) -> Iterator[Change]:
    """Results of promises are stored as bytes by their name, and read by all handlers of a workflow that runs."""
    for name, message in old.promises.items():
        place = f"promise {name} of {new.name}"
        if name not in new.promises:
            yield Change(Breaks.JOURNALS, f"{place} is gone", new.name)
            continue
        after = new.promises[name]
        if message is None or after is None:
            continue  # Its type is not in the descriptors, which says nothing of its bytes.
        for difference in _message(message, after, set()):
            if not difference.json_only:
                yield Change(Breaks.JOURNALS, f"{place}: {difference.what}", new.name)


def _message(old: Descriptor, new: Descriptor, seen: set[tuple[str, str]]) -> Iterator[_Difference]:
    if (old.full_name, new.full_name) in seen:
        return
    seen.add((old.full_name, new.full_name))
    if old.full_name != new.full_name:
        yield _Difference(f"{old.full_name} became {new.full_name}")
    numbers = {field.number: field for field in new.fields}
    for field in old.fields:
        kept = numbers.get(field.number)
        if kept is None:
            yield _Difference(f"field {field.number} ({field.name}) of {old.full_name} is gone")
            continue
        if kept.name != field.name:
            what = f"field {field.number} of {old.full_name} was {field.name} and is {kept.name} to JSON callers"
            yield _Difference(what, json_only=True)
        yield from _field(field, kept, seen)


def _field(old: FieldDescriptor, new: FieldDescriptor, seen: set[tuple[str, str]]) -> Iterator[_Difference]:
    place = old.full_name
    if old.is_repeated != new.is_repeated:
        yield _Difference(f"{place} was {_many(old)} and is {_many(new)}")
    elif not _same_bytes(old, new):
        yield _Difference(f"{place} changed its type")
    elif _oneof(new) not in ("", _oneof(old)):
        # Of two members that were both set before, one is lost.
        yield _Difference(f"{place} is in oneof {_oneof(new)} now")
    elif old.message_type is not None and new.message_type is not None:
        yield from _message(old.message_type, new.message_type, seen)
    elif old.enum_type is not None and new.enum_type is not None:
        yield from _enum(old.enum_type, new.enum_type)


def _enum(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[_Difference]:
    numbers = {value.number: value.name for value in new.values}
    kept = {(value.number, value.name) for value in new.values}
    for value in old.values:
        if value.number not in numbers:
            yield _Difference(f"value {value.name} of {old.full_name} is gone")
        elif (value.number, value.name) not in kept:
            what = f"was {value.name} and is {numbers[value.number]} to JSON callers"
            yield _Difference(f"value {value.number} of {old.full_name} {what}", json_only=True)


def _same_bytes(old: FieldDescriptor, new: FieldDescriptor) -> bool:
    return old.type == new.type or any(old.type in group and new.type in group for group in _GROUPS)


def _oneof(field: FieldDescriptor) -> str:
    oneof = field.containing_oneof
    # protoc makes a oneof for each optional field.
    return "" if oneof is None or oneof.name == f"_{field.name}" else oneof.name


def _many(field: FieldDescriptor) -> str:
    return "repeated" if field.is_repeated else "single"
