"""Programs whose outputs are known beforehand: whatever crashes, they must come to the same.

A program is what the handler of ORDER gets as its input. It adds up what its deeds are worth.
"""

from dataclasses import dataclass, field
from typing import TypeAlias
from zlib import crc32

from hypothesis import strategies as st
from perdure_runtime.partition.rows import Target

from tests.partition.samples import ALICE, ORDER

KEYS = ("alice", "bob")
DESKS = 7
# What the call of a program that fails is worth to its caller.
FAILED = 1_000


@dataclass(frozen=True)
class Step:
    """A side effect worth ``worth``."""

    worth: int


@dataclass(frozen=True)
class Sleep:
    """Worth nothing."""

    ms: int


@dataclass(frozen=True)
class Call:
    """Runs another program, and waits for its worth."""

    program: "Program"


@dataclass(frozen=True)
class Send:
    """Runs another program; worth nothing to who sends it."""

    program: "Program"
    delay_ms: int


@dataclass(frozen=True)
class Add:
    """Adds to the balance of an account, once; waited for or sent."""

    key: str
    amount: int
    waits: bool


@dataclass(frozen=True)
class Share:
    """Runs a program that all who share it run but once between them."""

    number: int


@dataclass(frozen=True)
class Ask:
    """Waits for an awakeable, whose id says what it is worth."""

    worth: int


@dataclass(frozen=True)
class Note:
    """Sends itself a signal worth ``worth``, and waits for one."""

    worth: int


@dataclass(frozen=True)
class Agree:
    """Resolves a promise that all programs share, and waits for it."""

    number: int


@dataclass(frozen=True)
class Attach:
    """Sends another program off, and attaches to it."""

    program: "Program"


@dataclass(frozen=True)
class Forever:
    """Waits for a signal that nobody sends."""


Deed: TypeAlias = Step | Sleep | Call | Send | Add | Share | Ask | Note | Agree | Attach | Forever


@dataclass(frozen=True)
class Program:
    """Deeds one after the other, or all at once; at the end a terminal error if ``fails``."""

    deeds: tuple[Deed, ...]
    at_once: bool = False
    fails: bool = False

    def encode(self) -> bytes:
        """What an invocation gets as its input."""
        encoded = repr(self).encode()
        _ENCODED[encoded] = self
        return encoded

    @property
    def doomed(self) -> bool:
        """Whether it ends only when somebody cancels or kills it."""
        return Forever() in self.deeds


_ENCODED: dict[bytes, Program] = {}


def decode(encoded: bytes) -> Program:
    """The program of an input."""
    return _ENCODED[encoded]


@dataclass
class Expected:
    """What programs come to, and the balances that they leave."""

    balances: dict[str, int] = field(default_factory=dict)
    shared: set[int] = field(default_factory=set)

    def worth(self, program: Program) -> int | None:
        """What a program is worth once it has run, None where it fails."""
        worth = sum([self._worth(deed) for deed in program.deeds])
        return None if program.fails else worth

    def _worth(self, deed: Deed) -> int:
        match deed:
            case Step(worth) | Ask(worth) | Note(worth) | Agree(worth):
                return worth
            case Call(program) | Attach(program):
                worth_of_call = self.worth(program)
                return FAILED if worth_of_call is None else worth_of_call
            case Send(program, _):
                self.worth(program)
                return 0
            case Add(key, amount, _):
                self.balances[key] = self.balances.get(key, 0) + amount
                return 0
            case Share(number):
                if number not in self.shared:
                    self.shared.add(number)
                    self.worth(shared_program(number))
                return number
            case Sleep() | Forever():
                return 0


def shared_program(number: int) -> Program:
    """What ``Share`` runs."""
    return Program((Step(number), Add("alice", number, waits=False)))


def desk(name: str) -> Target:
    """The handler that runs a program, on one of some keys: all that name it alike mean one."""
    return Target(ORDER.service, ORDER.handler, f"desk {crc32(name.encode()) % DESKS}")


def account(key: str) -> Target:
    """The handler that adds to a balance."""
    return Target(ALICE.service, ALICE.handler, key)


def _deeds(programs: st.SearchStrategy[Program]) -> st.SearchStrategy[Deed]:
    return st.one_of(
        st.builds(Call, programs),
        st.builds(Send, programs, st.sampled_from([0, 0, 500])),
        st.builds(Attach, programs),
    )


_SIMPLE: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Step, st.integers(1, 9)),
    st.builds(Sleep, st.integers(-1, 100)),
    st.builds(Add, st.sampled_from(KEYS), st.integers(1, 9), st.booleans()),
    st.builds(Share, st.integers(1, 2)),
    st.builds(Ask, st.integers(1, 9)),
    st.builds(Note, st.integers(1, 9)),
    st.builds(Agree, st.integers(1, 3)),
)


def _programs(deeds: st.SearchStrategy[Deed]) -> st.SearchStrategy[Program]:
    return st.builds(
        Program, st.lists(deeds, max_size=4).map(tuple), st.booleans(), st.sampled_from([False, False, True])
    )


programs = st.recursive(_programs(_SIMPLE), lambda inner: _programs(st.one_of(_SIMPLE, _deeds(inner))), max_leaves=4)


def _doomed(deeds: st.SearchStrategy[Deed]) -> st.SearchStrategy[Program]:
    # They leave nothing behind: how far they come is open.
    return st.builds(
        lambda before, at_once: Program((*before, Forever()), at_once), st.lists(deeds, max_size=3), st.booleans()
    )


_HARMLESS: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Step, st.integers(1, 9)), st.builds(Sleep, st.integers(-1, 100)), st.builds(Note, st.integers(1, 9))
)
doomed_programs = st.recursive(
    _doomed(_HARMLESS), lambda inner: _doomed(st.one_of(_HARMLESS, st.builds(Call, inner))), max_leaves=4
)
