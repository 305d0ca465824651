"""State as one invocation sees it: the same in every attempt, whatever earlier attempts wrote."""

import pytest
from perdure.vm.errors import JournalMismatch
from perdure.vm.machine import Machine

from tests.partition.samples import clear_state, completed, run, set_state, sleep
from tests.vm.samples import machine


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

    assert fresh.take_entries() == [set_state("balance", b"10"), clear_state("name"), run()]


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

    assert fresh.take_entries() == [set_state("balance", b"10"), sleep(1), sleep(1)]


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
    assert journal == [set_state("balance", b"10"), set_state("balance", b"15")]

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
