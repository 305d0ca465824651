"""Handlers that do anything: what comes next is drawn from all that was seen so far.

So two runs that see the same do the same, and a run that sees anything else soon does something else.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from perdure.vm.machine import Machine, Settled
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Failure

from tests.partition.samples import EMAIL, call, run, send, sleep

T = TypeVar("T")

NAMES = ("balance", "name")
PAYLOADS = (b"a", b"b", b"c")
# What a handler may do, the more often the more it stands here.
DEEDS = tuple(["call", "send", "sleep", "run", "run", "write", "clear", "read", "read", "await", "await", "await-any"])


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
        ended: Whether it has come to its end.
    """

    def __init__(self, machine: Machine, program: Program) -> None:
        self.machine = machine
        self.log: list[tuple[object, ...]] = []
        self.issued: list[Entry] = []
        self.ended = False
        self._program = program
        self._deeds = 0
        self._pending: list[int] = []
        self._awaiting: set[int] = set()

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
        """Sees results in their order until one is there that it waits for."""
        while self._awaiting and self._awaiting.issubset(self._pending):
            before_ms = self.machine.now_ms
            settled = self.machine.next_settled()
            if settled is None:
                return False
            assert self.machine.now_ms >= before_ms, "time went back"
            self._pending.remove(settled.command)
            self.log.append(("saw", settled.command, _told(settled), self.machine.now_ms))
        self._awaiting = set()
        return True

    def _do(self, deed: str) -> None:
        name, payload = self._choose(NAMES), self._choose(PAYLOADS)
        match deed:
            case "read":
                self.log.append(("read", name, self.machine.read_state(name)))
            case "write" | "clear":
                self.log.append((deed, name, payload))
                self.machine.write_state(name, payload if deed == "write" else None)
            case "await" | "await-any":
                if self._pending:
                    self._awaiting = {self._choose(self._pending)}
                    if deed == "await-any":
                        self._awaiting.add(self._pending[-1])
                    self.log.append((deed, *self.awaiting))
            case _:
                entry = _command(deed, payload)
                self.log.append((deed, payload))
                self._pending.append(self.machine.issue(entry))
                self.issued.append(entry)

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
        case _:
            return run(payload.decode())


def _told(settled: Settled) -> bytes:
    return settled.result.SerializeToString() if isinstance(settled.result, Failure) else settled.result
