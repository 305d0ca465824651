"""Bugs to plant in the loop, storage, partition and sessions, such as somebody might make them."""

import contextvars
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from perdure import workers
from perdure.attempt import Attempt
from perdure_runtime.invoker.connection import Connection
from perdure_runtime.node import loop as node_loop
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.timers import Timers
from perdure_runtime.partition import machine
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Accept, Accepted, Answer, Grant
from perdure_runtime.partition.entries import call, command, step
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.lifecycle import arrive, attempt, begin, end, key
from perdure_runtime.partition.rows import Ended, Running
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.memory import Rows

from tests.simulation.planting import dispatch_at_once, instead, mutation

# The loop: what may run ahead of durability.


@mutation
def callers_are_answered_before_the_commit(stack: ExitStack) -> None:
    dispatch_at_once(stack, Accepted | Answer)


@mutation
def steps_start_before_their_cause_is_durable(stack: ExitStack) -> None:
    dispatch_at_once(stack, Grant)


@mutation
def results_of_steps_count_as_durable_at_once(stack: ExitStack) -> None:
    dispatch_at_once(stack, Accept)


@mutation
def failed_commits_go_unnoticed(stack: ExitStack) -> None:
    commit = node_loop.PartitionLoop._commit

    async def careless(self: PartitionLoop) -> None:
        committer = self._committer

        class Careless:
            async def commit(self, writes: Writes) -> None:
                with suppress(StorageFailure):
                    await committer.commit(writes)

            def close(self) -> None:
                committer.close()

        self._committer = Careless()
        try:
            await commit(self)
        finally:
            self._committer = committer

    instead(stack, PartitionLoop, "_commit", careless)


@mutation
def running_invocations_are_not_recovered(stack: ExitStack) -> None:
    instead(stack, node_loop, "recover", lambda stored: iter(()))


# Storage and timers.


@mutation
def epochs_are_not_checked(stack: ExitStack) -> None:
    instead(stack, Rows, "refuse_stale", lambda self, epochs: None)


@mutation
def state_is_not_written_in_the_batch_of_an_end(stack: ExitStack) -> None:
    apply = Rows.apply

    def careless(self: Rows, writes: Writes) -> None:
        if any(isinstance(row.status, Ended) for row in writes.invocations.values()):
            writes.state.clear()
        apply(self, writes)

    instead(stack, Rows, "apply", careless)


@mutation
def timers_are_not_read_from_storage(stack: ExitStack) -> None:
    def forgetful(self: Timers, until_ms: int) -> None:
        self._read_until_ms = until_ms

    instead(stack, Timers, "_read", forgetful)


@mutation
def timers_fire_early(stack: ExitStack) -> None:
    fire = Timers._fire
    instead(stack, Timers, "_fire", lambda self, now_ms: fire(self, now_ms + 10))


# The partition.


@mutation
def idempotency_keys_are_ignored(stack: ExitStack) -> None:
    instead(stack, Draft, "idempotent", lambda self, key: None)


@mutation
def late_attempts_speak(stack: ExitStack) -> None:
    def credulous(draft: Draft, invocation_id: str, attempt: int) -> Any:
        invocation = draft.invocation(invocation_id)
        return invocation if invocation is not None and isinstance(invocation.status, Running) else None

    for module in (command, step, attempt, end):
        instead(stack, module, "running", credulous)


@mutation
def who_waits_in_line_is_forgotten(stack: ExitStack) -> None:
    def forgetful(draft: Draft, invocation: Any) -> None:
        if invocation.mode.exclusive:
            draft.put_object(invocation.target.service, invocation.target.key, None)

    instead(stack, end, "leave", forgetful)


@mutation
def writers_do_not_wait_in_line(stack: ExitStack) -> None:
    instead(stack, arrive, "enter", begin.begin)


@mutation
def listeners_are_forgotten(stack: ExitStack) -> None:
    instead(stack, Draft, "listeners", lambda self, invocation_id: ())


@mutation
def commands_complete_twice(stack: ExitStack) -> None:
    instead(stack, Draft, "settled", lambda self, invocation_id, command: False)


@mutation
def steps_of_a_lost_attempt_are_not_granted_again(stack: ExitStack) -> None:
    start = begin.begin

    def forgetful(draft: Draft, invocation: Any) -> None:
        start(draft, invocation)
        draft.effects[:] = [effect for effect in draft.effects if not isinstance(effect, Grant)]

    for module in (attempt, key):
        instead(stack, module, "begin", forgetful)


@mutation
def suspensions_do_not_look_for_what_has_come(stack: ExitStack) -> None:
    instead(stack, Journal, "settled", lambda self, command: False)


@mutation
def retries_never_come_due(stack: ExitStack) -> None:
    instead(stack, machine, "on_retry_due", lambda draft, invocation, due: None)


@mutation
def delayed_messages_start_at_once(stack: ExitStack) -> None:
    arrived = arrive.arrive

    def hasty(draft: Draft, order: Submit, caller: Any) -> Any:
        return arrived(draft, replace(order, delay_ms=0), caller)

    for module in (arrive, call):
        instead(stack, module, "arrive", hasty)


# Sessions and the invocation machine.


@mutation
def broken_sessions_lose_their_attempts_silently(stack: ExitStack) -> None:
    hold = Connection._hold

    async def silent(self: Connection, link: Any) -> None:
        offer, self._offer = self._offer, lambda input: None
        try:
            await hold(self, link)
        finally:
            self._offer = offer

    instead(stack, Connection, "_hold", silent)


@mutation
def aborted_attempts_go_on(stack: ExitStack) -> None:
    instead(stack, Attempt, "abort", lambda self: None)


@mutation
def workers_inherit_whatever_context_wakes_them(stack: ExitStack) -> None:
    class Inherited:
        Context = staticmethod(contextvars.copy_context)

    instead(stack, workers, "contextvars", Inherited)
