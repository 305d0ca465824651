"""How long nothing went on: gaps are found where they are, and blamed on what took a node away."""

from chaos.faults import Kind
from chaos.history import Call, Counted, Event, Fault, Span, Worked
from chaos.silence import Gap, failovers, longest_silence, percentile


def probes(*answered_s: float, counter: str = "probe") -> list[Event]:
    """A probe that was answered at these moments."""
    return [
        Counted(Call(f"{counter}-{number}", at_s - 0.1, at_s), counter, number + 1, "attempt", probe=True)
        for number, at_s in enumerate(answered_s)
    ]


def fault(kind: Kind, began_s: float, healed_s: float) -> Fault:
    """A fault of a kind."""
    return Fault(kind.value, "somebody", began_s, healed_s)


def test_a_failover_is_the_gap_of_a_key_around_the_loss_of_its_node() -> None:
    events = [*probes(1.0, 1.2, 4.2, 4.4), fault(Kind.KILL_NODE, 1.3, 2.0)]

    assert failovers(events) == [Gap(1.2, 4.2)]


def test_a_key_that_was_not_away_has_no_failover() -> None:
    assert failovers([*probes(1.0, 1.2, 1.4, 1.6), fault(Kind.KILL_NODE, 1.3, 2.0)]) == []


def test_a_gap_that_the_database_made_is_no_failover() -> None:
    events = [*probes(1.0, 4.0), fault(Kind.KILL_NODE, 1.3, 2.0), fault(Kind.KILL_POSTGRES, 1.5, 3.0)]

    assert failovers(events) == []


def test_a_gap_without_a_fault_is_no_failover() -> None:
    assert failovers([*probes(1.0, 4.0), fault(Kind.KILL_NODE, 9.0, 9.5)]) == []


def test_the_longest_silence_is_that_of_all_callers_together() -> None:
    others = [Worked(Call("w-1", 2.0, 3.0), "run-1", "run-2")]

    assert longest_silence([Span(0.5, 6.0), *probes(1.0, 4.5, 5.0), *others]) == Gap(1.0, 3.0)


def test_silence_at_the_end_counts() -> None:
    assert longest_silence([Span(0.5, 6.0), *probes(1.0, 2.0)]) == Gap(2.0, 6.0)


def test_answers_after_the_load_ended_break_no_silence() -> None:
    assert longest_silence([Span(0.5, 6.0), *probes(1.0, 9.0)]) == Gap(1.0, 6.0)


def test_percentiles_are_values_that_occurred() -> None:
    hundred = [float(value) for value in range(100)]

    assert [percentile(hundred, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 99.0]
    assert percentile([], 0.5) == 0.0
