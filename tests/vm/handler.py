"""Handlers that do anything: what comes next is drawn from all that was seen so far.

So two runs that see the same do the same, and a run that sees anything else soon does something else.
"""

import hashlib
import itertools
from collections.abc import Sequence
from typing import TypeVar

from perdure.vm.machine import Cancelled, Machine, Settled
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure, StateValue

from tests.partition.samples import EMAIL, call, run, send, sleep
from tests.vm.samples import KEYS, WORD, await_signal, awakeable, get_state

T = TypeVar("T")

NAMES = ("balance", "name")
PAYLOADS = (b"a", b"b", b"c")
# What a handler may do, the more often the more it stands here.
DEEDS = (
    *("call", "send", "sleep", "run", "run", "awakeable", "signal", "keys"),
    *("write", "clear", "clear-all", "read", "read", "await", "await", "await", "await-any"),
)
# By chance in each attempt, as the SDK draws them.
TOKENS = itertools.count()


class Program:
    """What a handler does next, as a function of all that it has seen.

    ``change_at`` deeds are those of ``seed``, all later ones those of another program.
    """

    def __init__(self, seed: int, length: int, *, change_at: int | None = None) -> None:
        self.length = length
        self._seed = seed
        self._change_at = length if change_at is None else change_at

    def changed(self, at: int) -> "Program":
        """A program that does the same until it has done so many deeds."""
        return Program(self._seed, self.length, change_at=at)

    def choose(self, deeds: int, log: Sequence[object], options: Sequence[T]) -> T:
        """One of the options."""
        seed = f"{self._seed}" if deeds < self._change_at else f"{self._seed} changed"
        digest = hashlib.blake2b(f"{seed} {log} {len(options)}".encode(), digest_size=8).digest()
        return options[int.from_bytes(digest, "big") % len(options)]


class Handler:
    """A handler on a machine.

    Attributes:
        log: All that it did and saw.
        issued: Its commands, those on the state left out.
        awakeables: The ids of its awakeables, by ordinal.
        ended: Whether it has come to its end.
    """

    def __init__(self, machine: Machine, program: Program) -> None:
        self.machine = machine
        self.log: list[tuple[object, ...]] = []
        self.issued: list[Entry] = []
        self.awakeables: dict[int, str] = {}
        self.ended = False
        self._program = program
        self._deeds = 0
        self._pending: list[int] = []
        self._awaiting: set[int] = set()
        # A command that reads state, and what it reads.
        self._reading: tuple[int, str] | None = None

    @property
    def awaiting(self) -> list[int]:
        """The commands that it waits for."""
        return sorted(self._awaiting)

    def go_on(self) -> None:
        """Runs until it has to wait, or ends. Raises JournalMismatch."""
        while not self.ended and self._see():
            if self._deeds == self._program.length:
                self.machine.end()
                self.ended = True
            else:
                self._deeds += 1
                self._do(self._choose(DEEDS))

    def _see(self) -> bool:
        """Sees news in their order until one is there that it waits for, or its cancellation."""
        while self._awaiting and self._awaiting.issubset(self._pending):
            before_ms = self.machine.now_ms
            news = self.machine.next_settled()
            if news is None:
                return False
            assert self.machine.now_ms >= before_ms, "time went back"
            if isinstance(news, Cancelled):
                self.log.append(("saw its cancellation", self.machine.now_ms))
                break
            self._settle(news)
        self._awaiting, self._reading = set(), None
        return True

    def _settle(self, settled: Settled) -> None:
        self._pending.remove(settled.command)
        self.log.append(("saw", settled.command, _told(settled), self.machine.now_ms))
        if self._reading is not None and self._reading[0] == settled.command and isinstance(settled.result, bytes):
            name = self._reading[1]
            read = StateValue.FromString(settled.result)
            self.machine.learn_state(name, read.value if read.HasField("value") else None)
            self.log.append(("read", name, self.machine.read_state(name)))

    def _do(self, deed: str) -> None:
        name, payload = self._choose(NAMES), self._choose(PAYLOADS)
        match deed:
            case "read" if self.machine.reads_by_command(name):
                command = self._issue(get_state(name))
                self._awaiting, self._reading = {command}, (command, name)
            case "read":
                self.log.append(("read", name, self.machine.read_state(name)))
            case "write" | "clear":
                self.log.append((deed, name, payload))
                self.machine.write_state(name, payload if deed == "write" else None)
            case "clear-all":
                self.log.append((deed,))
                self.machine.clear_state()
            case "await" | "await-any":
                if self._pending:
                    self._awaiting = {self._choose(self._pending)}
                    if deed == "await-any":
                        self._awaiting.add(self._pending[-1])
                    self.log.append((deed, *self.awaiting))
            case "awakeable":
                self.log.append((deed,))
                command, id = self.machine.awakeable(f"awk_{next(TOKENS)}", WORD)
                self._pending.append(command)
                self.issued.append(awakeable(id))
                self.awakeables[command] = id
            case _:
                self.log.append((deed, payload))
                self._issue(_command(deed, payload))

    def _issue(self, entry: Entry) -> int:
        command = self.machine.issue(entry)
        self._pending.append(command)
        self.issued.append(entry)
        return command

    def _choose(self, options: Sequence[T]) -> T:
        return self._program.choose(self._deeds, self.log, options)


def _command(deed: str, payload: bytes) -> Entry:
    match deed:
        case "call":
            return call(EMAIL, payload)
        case "send":
            return send(EMAIL, payload)
        case "sleep":
            return sleep(payload[0])
        case "signal":
            return await_signal(payload.decode())
        case "keys":
            return KEYS
        case _:
            return run(payload.decode())


def _told(settled: Settled) -> bytes:
    return settled.result.SerializeToString() if isinstance(settled.result, Failure) else settled.result
