"""State as one invocation sees it: the same in every attempt, whatever earlier attempts wrote."""

import pytest
from perdure.vm.errors import JournalMismatch
from perdure.vm.machine import Machine

from tests.partition.samples import clear_state, completed, read_state, run, set_state, sleep
from tests.vm.samples import CLEAR_ALL, get_state, machine


def _deposit(attempt: Machine, amount: int) -> None:
    """A read, a change and a write, as handlers do them."""
    balance = int(attempt.read_state("balance") or b"0")
    attempt.write_state("balance", str(balance + amount).encode())


def test_a_first_read_is_recorded_before_the_next_command() -> None:
    fresh = machine(state={"balance": b"10"})
    assert fresh.read_state("balance") == b"10"
    assert fresh.read_state("name") is None
    assert fresh.take_entries() == []
    assert fresh.issue(run()) == 2

    assert fresh.take_entries() == [read_state("balance", b"10"), read_state("name", None), run()]


def test_a_handler_that_reads_and_ends_journals_nothing() -> None:
    fresh = machine(state={"balance": b"10"})
    fresh.read_state("balance")
    fresh.end()

    assert fresh.take_entries() == []


def test_a_second_read_is_not_recorded() -> None:
    fresh = machine(state={"balance": b"10"})
    for _ in range(2):
        assert fresh.read_state("balance") == b"10"
        fresh.issue(sleep(1))

    assert fresh.take_entries() == [read_state("balance", b"10"), sleep(1), sleep(1)]


def test_a_handler_reads_what_it_wrote() -> None:
    fresh = machine(state={"balance": b"10"})
    fresh.write_state("balance", b"20")
    assert fresh.read_state("balance") == b"20"
    fresh.write_state("balance", None)
    assert fresh.read_state("balance") is None

    assert fresh.take_entries() == [set_state("balance", b"20"), clear_state("balance")]


@pytest.mark.parametrize("journaled", range(3))
def test_a_retried_handler_reads_what_it_read_before_it_wrote(journaled: int) -> None:
    first = machine(state={"balance": b"10"})
    _deposit(first, 5)
    journal = first.take_entries()
    assert journal == [read_state("balance", b"10"), set_state("balance", b"15")]

    # The state that the next attempt starts with has what the first one wrote so far.
    state = {"balance": [b"10", b"10", b"15"][journaled]}
    again = machine(*journal[:journaled], state=state)
    _deposit(again, 5)
    assert again.take_entries() == journal[journaled:]
    assert again.read_state("balance") == b"15"


def test_a_read_of_another_name_than_the_recorded_one_is_a_mismatch() -> None:
    again = machine(set_state("balance", b"10"), run(), state={"balance": b"10", "name": b"Ada"})

    with pytest.raises(JournalMismatch) as caught:
        again.read_state("name")
    assert (caught.value.index, caught.value.replayed) == (0, "read state 'name'")


def test_a_read_where_the_journal_has_no_state_is_a_mismatch() -> None:
    again = machine(sleep(1), completed(0, 1), run("charge"), state={"balance": b"10"})
    again.issue(sleep(1))

    with pytest.raises(JournalMismatch, match="at entry 2: the journal says run 'charge', the handler did read state"):
        again.read_state("balance")


def test_a_name_that_was_written_is_read_without_a_look_at_the_journal() -> None:
    again = machine(set_state("balance", b"10"), run(), state={"balance": b"10"})
    again.write_state("balance", b"10")

    assert again.read_state("balance") == b"10"
    again.issue(run())


# A state that came in part.


def test_a_name_that_did_not_come_is_read_by_a_command_and_then_known() -> None:
    fresh = machine(state={"balance": b"10"}, partial=True)
    assert not fresh.reads_by_command("balance")
    assert fresh.reads_by_command("name")

    fresh.issue(get_state("name"))
    fresh.learn_state("name", b"Ada")
    assert not fresh.reads_by_command("name")
    assert fresh.read_state("name") == b"Ada"
    assert fresh.take_entries() == [get_state("name")], "what a command has read needs no record"


def test_reads_at_once_are_recorded_before_a_read_by_a_command() -> None:
    fresh = machine(state={"balance": b"10"}, partial=True)
    fresh.read_state("balance")
    fresh.issue(get_state("name"))

    assert fresh.take_entries() == [read_state("balance", b"10"), get_state("name")]


def test_a_replay_reads_as_the_journal_did_whatever_came_this_time() -> None:
    once_complete = machine(set_state("balance", b"10"), run(), partial=True)
    assert not once_complete.reads_by_command("balance")
    assert once_complete.read_state("balance") == b"10"

    once_partial = machine(get_state("balance"), completed(0, 1), run(), state={"balance": b"20"})
    assert once_partial.reads_by_command("balance")
    once_partial.issue(get_state("balance"))
    once_partial.learn_state("balance", b"10")
    assert once_partial.read_state("balance") == b"10"
    assert not once_partial.take_entries()


def test_a_command_that_reads_another_name_than_the_recorded_one_is_a_mismatch() -> None:
    again = machine(get_state("balance"), partial=True)
    assert again.reads_by_command("name")

    with pytest.raises(JournalMismatch, match="the journal says get state 'balance', the handler did get state 'name'"):
        again.issue(get_state("name"))


def test_a_write_while_a_read_is_on_its_way_wins() -> None:
    fresh = machine(partial=True)
    fresh.issue(get_state("balance"))
    fresh.write_state("balance", b"20")
    fresh.learn_state("balance", b"10")

    assert fresh.read_state("balance") == b"20"


# All at once.


def test_after_all_was_cleared_nothing_is_set_and_all_is_known() -> None:
    fresh = machine(state={"balance": b"10"}, partial=True)
    fresh.read_state("balance")
    fresh.clear_state()

    assert not fresh.reads_by_command("name")
    assert (fresh.read_state("balance"), fresh.read_state("name")) == (None, None)
    assert fresh.take_entries() == [read_state("balance", b"10"), CLEAR_ALL]


def test_what_was_written_after_all_was_cleared_is_read() -> None:
    fresh = machine(state={"balance": b"10"})
    fresh.clear_state()
    fresh.write_state("balance", b"20")

    assert fresh.read_state("balance") == b"20"


def test_a_read_that_was_on_its_way_when_all_was_cleared_is_forgotten() -> None:
    fresh = machine(partial=True)
    fresh.issue(get_state("balance"))
    fresh.clear_state()
    fresh.learn_state("balance", b"10")

    assert fresh.read_state("balance") is None


def test_a_read_is_no_match_for_a_journal_that_clears_all() -> None:
    again = machine(CLEAR_ALL, state={"balance": b"10"})

    with pytest.raises(JournalMismatch, match="the journal says clear all state, the handler did read state 'balance'"):
        again.read_state("balance")


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("value", [b"10", None])
def test_a_write_of_what_an_older_journal_does_not_mark_is_no_mismatch(value: bytes | None, marked: bool) -> None:
    plain = clear_state("balance") if value is None else set_state("balance", value)
    again = machine(read_state("balance", value) if marked else plain, run(), state={})

    again.write_state("balance", value)
    again.issue(run())

    assert not again.replaying
