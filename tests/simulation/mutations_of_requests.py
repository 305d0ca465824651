"""Bugs to plant in what handlers ask for: promises, awakeables, signals, cancellation, attach, tasks of their own."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from perdure import driver
from perdure.interrupts import Interrupts
from perdure.vm.machine import Machine
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.entries import command, invocation, promise, signal
from perdure_runtime.partition.lifecycle import callees, cancel, end, key, kill
from perdure_runtime.partition.lifecycle.callees import Callees
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.rows import PromiseRow, Suspended

from tests.simulation.planting import instead, mutation


@mutation
def promises_can_be_settled_again(stack: ExitStack) -> None:
    of_draft = Draft.promise

    def settle(draft: Draft, invocation: Any, ordinal: int, asked: Any) -> None:
        with_result = of_draft(draft, invocation.target.service, invocation.target.key, asked.name)
        if with_result.result is not None:
            draft.put_promise(invocation.target.service, invocation.target.key, asked.name, PromiseRow())
        promise.on_complete_promise(draft, invocation, ordinal, asked)

    instead(stack, command, "on_complete_promise", settle)


@mutation
def who_waits_for_a_promise_is_forgotten(stack: ExitStack) -> None:
    def get(draft: Draft, invocation: Any, ordinal: int, asked: Any) -> None:
        known = draft.promise(invocation.target.service, invocation.target.key, asked.name)
        if known.result is not None:
            complete(draft, invocation.id, ordinal, result_of(known.result))

    instead(stack, command, "on_get_promise", get)


@mutation
def signals_that_come_early_are_lost(stack: ExitStack) -> None:
    instead(stack, command, "on_await_signal", lambda draft, invocation, ordinal, early: None)


@mutation
def signals_are_taken_newest_first(stack: ExitStack) -> None:
    def take(draft: Draft, invocation: Any, ordinal: int, early: Any) -> None:
        if early:
            complete(draft, invocation.id, ordinal, result_of(early[-1]))

    instead(stack, command, "on_await_signal", take)


@mutation
def the_newest_wait_gets_the_signal(stack: ExitStack) -> None:
    give = signal.give_signal

    def give_newest(draft: Draft, invocation_id: str, name: str, result: Any) -> bool:
        target = draft.invocation(invocation_id)
        waits = draft.journal(invocation_id).signal_waits.get(name) if target is not None else None
        if waits:
            complete(draft, invocation_id, waits[-1], result_of(result))
            return True
        return give(draft, invocation_id, name, result)

    instead(stack, signal, "give_signal", give_newest)


@mutation
def attaching_to_what_goes_on_is_forgotten(stack: ExitStack) -> None:
    instead(stack, invocation, "listen", lambda draft, invocation_id, caller: None)


@mutation
def cancellations_are_not_replayed(stack: ExitStack) -> None:
    begin = Machine.__init__

    def forgetful(self: Machine, start: Any) -> None:
        begin(self, start)
        told = [arrival for arrival in self._waiting if isinstance(arrival.news, Cancellation)]
        for arrival in told:
            self._waiting.remove(arrival)

    instead(stack, Machine, "__init__", forgetful)


@mutation
def cancellations_do_not_wake_the_suspended(stack: ExitStack) -> None:
    tell = callees.tell

    def quiet(draft: Draft, invocation: Any) -> None:
        tell(draft, invocation)
        if isinstance(invocation.status, Suspended):
            told = draft.invocation(invocation.id)
            assert told is not None
            draft.put(replace(told, status=invocation.status, attempt=invocation.attempt))
            draft.effects.pop()

    instead(stack, callees, "tell", quiet)
    instead(stack, cancel, "tell", quiet)


@mutation
def cancellations_do_not_reach_what_was_called(stack: ExitStack) -> None:
    instead(stack, cancel, "callees_of", lambda draft, invocation, kept: Callees())


@mutation
def what_was_called_is_not_killed(stack: ExitStack) -> None:
    instead(stack, kill, "callees_of", lambda draft, invocation, kept: Callees())


@mutation
def who_is_cancelled_in_line_keeps_the_place(stack: ExitStack) -> None:
    leave = key.leave

    def stay(draft: Draft, invocation: Any) -> None:
        if type(invocation.status).__name__ != "Queued":
            leave(draft, invocation)

    instead(stack, end, "leave", stay)


@mutation
def shields_hold_nothing_back(stack: ExitStack) -> None:
    instead(stack, Interrupts, "due", property(lambda self: self._to_raise))


@mutation
def cancellations_are_raised_again_and_again(stack: ExitStack) -> None:
    instead(stack, Interrupts, "due", property(lambda self: self.seen and not self._shields and not self.explicit))


@mutation
def tasks_of_a_handler_get_no_turns(stack: ExitStack) -> None:
    instead(stack, driver, "QUIET_TURNS", 0)
