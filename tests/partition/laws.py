"""What holds of the rows at any time, whatever has happened."""

from collections import Counter
from collections.abc import Iterator

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.journal import NOTIFICATIONS
from perdure_runtime.partition.rows import (
    BackingOff,
    Caller,
    Ended,
    Invocation,
    Queued,
    RetryDue,
    Running,
    Scheduled,
    StartDue,
    Suspended,
    Timer,
    WakeDue,
)

from tests.partition.store import Store

Lines = dict[tuple[str, str], list[str]]


def check(rows: Store) -> None:
    """Raises AssertionError where the rows break a law."""
    for invocation in rows.invocations.values():
        _waits_for_something(rows, invocation)
        _each_command_completes_once(rows.journal(invocation.id).entries)
    _one_writer_a_key(rows)
    _one_invocation_an_idempotency_key(rows)


def lines(rows: Store) -> Lines:
    """Who holds and who waits for each key, in order."""
    return {place: rows.line(*place) for place in rows.objects}


def check_order(before: Lines, after: Lines) -> None:
    """One input lets the first leave a line, or somebody join it at its end."""
    for place in {*before, *after}:
        old, new = before.get(place, []), after.get(place, [])
        assert new in (old, old[1:]) or new[:-1] in (old, old[1:]), f"{place}: {old} became {new}"


def check_journals(before: Store, after: Store) -> None:
    """Journals only grow, until they are forgotten whole."""
    for id, journal in before.journals.items():
        if id in after.invocations:
            assert after.journals[id][: len(journal)] == journal


def _waits_for_something(rows: Store, invocation: Invocation) -> None:
    id = invocation.id
    if isinstance(invocation.status, Ended):
        assert not rows.listeners(id), "it has ended, and somebody still waits"
        return
    open_commands = dict(_open_commands(rows.journal(id).entries))
    for command, entry in open_commands.items():
        if entry.HasField("sleep"):
            assert any(timer.purpose == WakeDue(command) for timer in _timers(rows, id)), f"{id}/{command} never wakes"
        elif entry.HasField("call"):
            assert _somebody_answers(rows, Caller(id, command)), f"nobody answers {id}/{command}"
        else:
            assert entry.HasField("run"), f"{id}/{command} should be complete"
    match invocation.status:
        case Scheduled(due_ms):
            assert Timer(due_ms, id, StartDue()) in rows.timers
        case BackingOff(due_ms):
            assert Timer(due_ms, id, RetryDue(invocation.attempt)) in rows.timers
        case Queued(seq):
            assert rows.inbox(invocation.target.service, invocation.target.key, seq) == id
        case Suspended(awaiting):
            assert awaiting
            for command in awaiting:
                assert not open_commands[command].HasField("run"), "a step runs only while an attempt does"
        case _:
            pass  # It runs, or an operator has it.


def _timers(rows: Store, id: str) -> Iterator[Timer]:
    return (timer for timer in rows.timers if timer.invocation_id == id)


def _somebody_answers(rows: Store, caller: Caller) -> bool:
    made = any(row.caller == caller and not isinstance(row.status, Ended) for row in rows.invocations.values())
    return made or any(caller in listeners for listeners in rows.callers.values())


def _commands(journal: list[Entry]) -> list[Entry]:
    return [entry for entry in journal if entry.WhichOneof("entry") not in NOTIFICATIONS]


def _open_commands(journal: list[Entry]) -> Iterator[tuple[int, Entry]]:
    settled = {entry.completion.command for entry in journal if entry.HasField("completion")}
    for command, entry in enumerate(_commands(journal)):
        if command not in settled and entry.WhichOneof("entry") not in ("set_state", "clear_state"):
            yield command, entry


def _each_command_completes_once(journal: list[Entry]) -> None:
    completed = Counter(entry.completion.command for entry in journal if entry.HasField("completion"))
    assert all(count == 1 for count in completed.values())
    issued = 0
    for entry in journal:
        if entry.HasField("completion"):
            assert entry.completion.command < issued
        issued += entry.WhichOneof("entry") not in NOTIFICATIONS


def _one_writer_a_key(rows: Store) -> None:
    inside: dict[tuple[str, str], list[str]] = {}
    waiting = Counter[tuple[str, str]]()
    for row in rows.invocations.values():
        place = (row.target.service, row.target.key)
        if isinstance(row.status, Queued):
            waiting[place] += 1
        elif row.exclusive and not isinstance(row.status, Scheduled | Ended):
            inside.setdefault(place, []).append(row.id)
    assert inside == {place: [row.holder] for place, row in rows.objects.items()}
    assert +waiting == +Counter({place: row.tail - row.head for place, row in rows.objects.items()})
    assert len(rows.places) == waiting.total(), "a place in line of nobody"


def _one_invocation_an_idempotency_key(rows: Store) -> None:
    named = {id: key for key, id in rows.keys.items()}
    assert len(named) == len(rows.keys), "two keys name one invocation"
    keyed = {row.id: (row.target, row.idempotency_key) for row in rows.invocations.values() if row.idempotency_key}
    assert {id: (key.target, key.key) for id, key in named.items()} == keyed


def running(rows: Store) -> dict[str, int]:
    """The attempts that there should be."""
    return {row.id: row.attempt for row in rows.invocations.values() if isinstance(row.status, Running)}
