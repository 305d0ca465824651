"""What holds of the rows at any time, whatever has happened."""

from collections import Counter
from collections.abc import Iterator

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.journal import NOTIFICATIONS, SILENT
from perdure_runtime.partition.rows import (
    BackingOff,
    Caller,
    Cancel,
    Ended,
    IdempotencyKey,
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

# Commands that only somebody outside of the partition completes.
FROM_OUTSIDE = ("run", "awakeable", "await_signal")

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
    """Those who stay in a line keep their order, and who joins it stands at its end."""
    for place in {*before, *after}:
        old, new = before.get(place, []), after.get(place, [])
        stayed = [id for id in old if id in new]
        assert new[: len(stayed)] == stayed, f"{place}: {old} became {new}"


def check_journals(before: Store, after: Store) -> None:
    """Journals only grow, until they are forgotten whole."""
    for id, journal in before.journals.items():
        row = after.invocations.get(id)
        if row is None or id not in after.journals:
            assert row is None or isinstance(row.status, Ended), "only what has ended is forgotten"
        else:
            assert after.journals[id][: len(journal)] == journal


def check_told(before: Store, after: Store) -> None:
    """Who is told of its cancellation has nothing running any more that it has called, unless it wants to know."""
    for id, row in after.invocations.items():
        old = before.invocations.get(id)
        if row.cancel is not Cancel.JOURNALED or (old is not None and old.cancel is Cancel.JOURNALED):
            continue
        if row.mode.explicit_cancellation:
            continue
        for callee in after.invocations.values():
            if callee.caller is not None and callee.caller.invocation_id == id:
                assert isinstance(callee.status, Ended), f"{id} was told before {callee.id} had ended"


def check_killed(before: Store, after: Store, id: str) -> None:
    """Who is killed has ended, and with it all that it had called."""
    row = before.invocations.get(id)
    if row is None or isinstance(row.status, Ended):
        return
    assert isinstance(after.invocations[id].status, Ended)
    for callee in before.invocations.values():
        if callee.caller is None or callee.caller.invocation_id != id:
            continue
        if not _is_underway(after, callee.caller, "kill_call"):
            check_killed(before, after, callee.id)


def check_runs(before: Store, after: Store) -> None:
    """A workflow id that has its run gets no second one."""
    for id, row in after.invocations.items():
        if row.mode.once and id not in before.invocations:
            name = IdempotencyKey(row.target, "")
            assert name not in before.keys
            assert after.keys[name] == id


def check_promises(before: Store, after: Store) -> None:
    """A promise gets one result, and keeps it until it is forgotten."""
    for place, promises in before.agreed.items():
        for name, promise in promises.items():
            left = after.agreed[place].get(name)
            if promise.result is not None:
                assert left in (None, promise)
                assert left is not None or after.keys != before.keys, "it goes with the name of the run alone"


def _waits_for_something(rows: Store, invocation: Invocation) -> None:
    id = invocation.id
    if isinstance(invocation.status, Ended):
        assert not rows.listeners(id), "it has ended, and somebody still waits"
        assert not rows.kept.get(id), "it has ended, and something is held for it"
        return
    open_commands = dict(_open_commands(rows.journal(id).entries))
    for command, entry in open_commands.items():
        if entry.HasField("sleep"):
            assert any(timer.purpose == WakeDue(command) for timer in _timers(rows, id)), f"{id}/{command} never wakes"
        elif entry.HasField("call"):
            assert _somebody_answers(rows, invocation, command, entry), f"nobody answers {id}/{command}"
        elif entry.HasField("attach"):
            waits = _is_listened_for(rows, Caller(id, command))
            assert waits or _is_underway(rows, Caller(id, command), "ask", "result"), f"nobody answers {id}/{command}"
        elif entry.HasField("get_promise"):
            promise = rows.promises(invocation.target.service, invocation.target.key)[entry.get_promise.name]
            assert promise.result is None
            assert Caller(id, command) in promise.waiting, f"no promise completes {id}/{command}"
        elif entry.WhichOneof("entry") not in FROM_OUTSIDE:
            underway = _is_underway(rows, Caller(id, command), "invoke", "ask", "result")
            assert underway, f"{id}/{command} should be complete"
    _is_told_of_its_cancellation(rows, invocation)
    match invocation.status:
        case Scheduled(due_ms):
            assert Timer(due_ms, id, StartDue()) in rows.timers
        case BackingOff(due_ms):
            assert Timer(due_ms, id, RetryDue(invocation.attempt)) in rows.timers
        case Queued(seq):
            assert rows.places[invocation.target.service, invocation.target.key, seq] == id
        case Suspended(awaiting):
            for command in awaiting:
                assert not open_commands[command].HasField("run"), "a step runs only while an attempt does"
        case _:
            pass  # It runs, or an operator has it.


def _timers(rows: Store, id: str) -> Iterator[Timer]:
    return (timer for timer in rows.timers if timer.invocation_id == id)


def _somebody_answers(rows: Store, invocation: Invocation, command: int, entry: Entry) -> bool:
    caller = Caller(invocation.id, command)
    callee = rows.invocations.get(entry.call.invocation_id)
    if callee is not None and callee.caller == caller and not isinstance(callee.status, Ended):
        return True
    held = rows.kept.get(invocation.id, {}).get(command)
    if held is not None and held.WhichOneof("outcome") is not None:
        return invocation.cancel is Cancel.CALLEES
    return _is_listened_for(rows, caller) or _is_underway(rows, caller, "invoke", "result")


def _is_underway(rows: Store, caller: Caller, *kinds: str) -> bool:
    """Whether a message of a command is on its way."""
    return any((kind, by) for kind, by in _underway(rows) if kind in kinds and by == caller)


def _underway(rows: Store) -> Iterator[tuple[str, Caller]]:
    for message in rows.underway():
        kind = message.WhichOneof("message")
        match kind:
            case "invoke":
                by = message.invoke.caller
            case "result":
                by = message.result.caller
            case "cancel_call":
                by = message.cancel_call.call.caller
            case "kill_call":
                by = message.kill_call.call.caller
            case "foreign_call":
                by = message.foreign_call.caller
            case "ask":
                by = message.ask.caller
            case _:
                raise AssertionError(f"{kind} is no message")
        yield kind, Caller(by.invocation_id, by.command)


def _is_listened_for(rows: Store, caller: Caller) -> bool:
    return any(caller in listeners for listeners in rows.callers.values())


def _is_told_of_its_cancellation(rows: Store, invocation: Invocation) -> None:
    entries = rows.journal(invocation.id).entries
    told = sum(entry.HasField("cancellation") for entry in entries)
    assert told == (invocation.cancel is Cancel.JOURNALED), "it is told once"
    held = rows.kept.get(invocation.id, {})
    if invocation.cancel is not Cancel.CALLEES:
        assert not held, "it has been told, and something is held for it"
        return
    calls = [(command, entry.call) for command, entry in _open_commands(entries) if entry.HasField("call")]
    waited = [(command, call.invocation_id) for command, call in calls if not call.kept and command not in held]
    assert waited, f"{invocation.id} is never told"
    assert len(waited) == invocation.callees
    for command, callee_id in waited:
        caller, callee = Caller(invocation.id, command), rows.invocations.get(callee_id)
        if callee is not None and callee.caller == caller and not isinstance(callee.status, Ended):
            known = callee.cancel is not Cancel.NONE
        else:
            known = _is_underway(rows, caller, "result", "foreign_call")
        assert known or _is_underway(rows, caller, "cancel_call"), f"{callee_id} does not know"


def _commands(journal: list[Entry]) -> list[Entry]:
    return [entry for entry in journal if entry.WhichOneof("entry") not in NOTIFICATIONS]


def _open_commands(journal: list[Entry]) -> Iterator[tuple[int, Entry]]:
    settled = {entry.completion.command for entry in journal if entry.HasField("completion")}
    for command, entry in enumerate(_commands(journal)):
        if command not in settled and entry.WhichOneof("entry") not in SILENT:
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
        elif row.mode.exclusive and not isinstance(row.status, Scheduled | Ended):
            inside.setdefault(place, []).append(row.id)
    assert inside == {place: [row.holder] for place, row in rows.objects.items()}
    assert +waiting == +Counter({place: len(rows.line(*place)) - 1 for place in rows.objects})
    assert len(rows.places) == waiting.total(), "a place in line of nobody"


def _one_invocation_an_idempotency_key(rows: Store) -> None:
    named = {id: key for key, id in rows.keys.items()}
    assert len(named) == len(rows.keys), "two keys name one invocation"
    for id, key in named.items():
        row = rows.invocations[id]
        assert (key.target, key.key) == (row.target, "" if row.mode.once else row.idempotency_key)
    for row in rows.invocations.values():
        forgotten = isinstance(row.status, Ended) and row.status.swept
        if row.idempotency_key and not row.mode.once and not forgotten:
            assert rows.keys[IdempotencyKey(row.target, row.idempotency_key)] == row.id


def running(rows: Store) -> dict[str, int]:
    """The attempts that there should be."""
    return {row.id: row.attempt for row in rows.invocations.values() if isinstance(row.status, Running)}
