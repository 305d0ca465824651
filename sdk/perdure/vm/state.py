"""The state of a key as one invocation sees it, the same in every attempt.

The runtime sends the state as it is when an attempt starts, which has the writes of earlier attempts in it. So the
first read of a name is recorded before the next command, as a write of the value that was read, marked as a read, and a
replay reads it from the journal. It changes nothing. A handler that reads and then ends journals nothing.

Of a large state the runtime sends a part; a name that it did not send is read by a command of its own.
"""

from collections.abc import Mapping

from perdure_protos.perdure.protocol.v1.journal_pb2 import ClearStateCommand, Entry, SetStateCommand

SILENT = frozenset({"set_state", "clear_state", "clear_all_state"})


class StateView:
    """State at the start of an attempt, and what is known of it since."""

    __slots__ = ("_at_start", "_cleared", "_complete", "_known", "_unrecorded")

    def __init__(self, at_start: Mapping[str, bytes], *, complete: bool) -> None:
        """``complete`` says that what ``at_start`` lacks is not set."""
        self._at_start = at_start
        self._complete = complete
        self._cleared = False
        self._known: dict[str, bytes | None] = {}
        self._unrecorded: list[Entry] = []

    def knows(self, name: str) -> bool:
        """Whether this attempt has read or written a name."""
        return name in self._known

    def has(self, name: str) -> bool:
        """Whether ``read`` can tell the value of a name."""
        return self._complete or name in self._known or name in self._at_start

    def read(self, name: str) -> bytes | None:
        """The value of a name, None where it is not set."""
        if name in self._known:
            return self._known[name]
        value = self._at_start.get(name)
        self._known[name] = value
        self._unrecorded.append(write_entry(name, value, read=True))
        return value

    def take_unrecorded(self) -> list[Entry]:
        """The reads to record before the next command."""
        unrecorded, self._unrecorded = self._unrecorded, []
        return unrecorded

    def apply(self, entry: Entry) -> None:
        """Remembers what a command wrote, or what the journal says was read."""
        match entry.WhichOneof("entry"):
            case "set_state":
                self._known[entry.set_state.name] = entry.set_state.value
            case "clear_state":
                self._known[entry.clear_state.name] = None
            case _:
                self._at_start, self._complete, self._cleared = {}, True, True
                self._known = dict.fromkeys(self._known)

    def learn(self, name: str, value: bytes | None) -> None:
        """Remembers what a command read, unless the name was written while the command was on its way."""
        if not self._cleared:
            self._known.setdefault(name, value)


def write_entry(name: str, value: bytes | None, *, read: bool = False) -> Entry:
    """The command that sets a name, or with None clears it; or that records that this was ``read``."""
    if value is None:
        return Entry(clear_state=ClearStateCommand(name=name, read=read))
    return Entry(set_state=SetStateCommand(name=name, value=value, read=read))


def is_silent(entry: Entry) -> bool:
    """Whether a command writes state: it has no result."""
    return entry.WhichOneof("entry") in SILENT


def read_in(entry: Entry) -> str | None:
    """The name that a command sets or clears, which may record a read of it; else None."""
    match entry.WhichOneof("entry"):
        case "set_state":
            return entry.set_state.name
        case "clear_state":
            return entry.clear_state.name
        case _:
            return None
