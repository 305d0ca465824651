"""Typed state of an object: one key for each field of its state message.

The value of a key is the state message with only this field set, so state evolves as a protobuf message does.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol, Self, TypeVar, cast, overload

import betterproto

from perdure import codec
from perdure.errors import UsageError

T = TypeVar("T")


class StateStore(Protocol):
    """The state of one key as an invocation sees it: as it was at the start, with the invocation's own writes."""

    async def load_state(self, name: str) -> bytes | None:
        """The value of a key, None where it is not set."""

    async def state_keys(self) -> list[str]:
        """The keys that are set, sorted."""

    def write_state(self, name: str, value: bytes | None) -> None:
        """Sets a key, or removes it with None."""

    def clear_state(self) -> None:
        """Removes all keys."""


class ReadState:
    """State that a shared handler may read: as it was when the attempt started."""

    def __init__(self, store: StateStore, message: type[betterproto.Message] | None) -> None:
        self._store = store
        self._message = message

    async def keys(self) -> list[str]:
        """The names of the fields that have been set, be it to their defaults, and not cleared; sorted."""
        return await self._store.state_keys()

    def _state_message(self) -> type[betterproto.Message]:
        if self._message is None:
            raise UsageError(f"{type(self).__name__} has fields but its contract no state message: generate again")
        return self._message


class State(ReadState):
    """State that the one writer of a key may read and write."""

    def clear_all(self) -> None:
        """Removes all values: every field reads as its default again."""
        self._store.clear_state()


class ReadValue(Generic[T]):
    """One value of the state."""

    __slots__ = ("_attribute", "_name", "_state")

    def __init__(self, state: ReadState, name: str, attribute: str) -> None:
        self._state = state
        self._name = name
        self._attribute = attribute

    async def get(self) -> T:
        """The value, or the default of its field where it is not set.

        A list, map or message is a copy: changing it changes nothing until it is set.
        """
        message = self._state._state_message()
        stored = await self._state._store.load_state(self._name)
        whole: Any = message() if stored is None else codec.decode(message, stored)
        # Only a member of a oneof that is not set has no value at all.
        value: Any = getattr(whole, self._attribute, None)
        return cast(T, value)

    async def exists(self) -> bool:
        """Whether the value has been set, be it to its default, and not cleared."""
        return await self._state._store.load_state(self._name) is not None


class Value(ReadValue[T]):
    """One value of the state, for the one writer of its key."""

    __slots__ = ()

    def set(self, value: T) -> None:
        """Sets the value. It is durable with the next thing the world can see of this invocation."""
        make: Callable[..., betterproto.Message] = self._state._state_message()
        self._state._store.write_state(self._name, codec.encode(make(**{self._attribute: value})))

    def clear(self) -> None:
        """Removes the value: it reads as the default of its field again."""
        self._state._store.write_state(self._name, None)


class ReadStateField(Generic[T]):
    """An attribute of a ``ReadState``: one field of the state message."""

    def __init__(self, name: str, attribute: str = "") -> None:
        """Names the field of the contract, and its Python attribute where betterproto had to name it otherwise."""
        self._name = name
        self._attribute = attribute or name

    @overload
    def __get__(self, state: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, state: ReadState, owner: type[object]) -> ReadValue[T]: ...
    def __get__(self, state: ReadState | None, owner: type[object]) -> Self | ReadValue[T]:
        return self if state is None else ReadValue(state, self._name, self._attribute)


class StateField(Generic[T]):
    """An attribute of a ``State``: one field of the state message."""

    def __init__(self, name: str, attribute: str = "") -> None:
        """Names the field of the contract, and its Python attribute where betterproto had to name it otherwise."""
        self._name = name
        self._attribute = attribute or name

    @overload
    def __get__(self, state: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, state: State, owner: type[object]) -> Value[T]: ...
    def __get__(self, state: State | None, owner: type[object]) -> Self | Value[T]:
        return self if state is None else Value(state, self._name, self._attribute)
