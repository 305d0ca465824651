"""What people read at the end of a run."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from chaos.checker import ANSWERS, Verdict
from chaos.history import Event, Fault
from chaos.silence import failovers, longest_silence, percentile, probe_gaps

# Of one promise more of them say nothing new.
VIOLATIONS_SHOWN = 5


def report(console: Console, events: Sequence[Event], verdict: Verdict, ended: Sequence[str]) -> None:
    """Prints all of it; ``ended`` are the processes that ended by themselves."""
    console.print(_faults(events))
    console.print(_numbers(events, verdict, ended))
    for promise, times in Counter(violation.promise for violation in verdict.violations).items():
        console.print(f"[red]{promise}[/]: broken {times} times")
        told = [violation.told for violation in verdict.violations if violation.promise == promise]
        for each in told[:VIOLATIONS_SHOWN]:
            console.print(f"  {each}", markup=False)


def _faults(events: Sequence[Event]) -> Table:
    faults = [event for event in events if isinstance(event, Fault)]
    table = Table("fault", "times", "longest s", title=f"{len(faults)} faults")
    for kind, times in Counter(fault.kind for fault in faults).most_common():
        longest_s = max(fault.healed_s - fault.began_s for fault in faults if fault.kind == kind)
        table.add_row(kind, str(times), f"{longest_s:.1f}")
    return table


def _numbers(events: Sequence[Event], verdict: Verdict, ended: Sequence[str]) -> Table:
    answers = [event for event in events if isinstance(event, ANSWERS)]
    away = [gap.lasts_s for gap in failovers(events)]
    gaps = [gap.lasts_s for gap in probe_gaps(events)]
    late = [lateness_ms / 1000 for lateness_ms in verdict.lateness_ms]
    table = Table("", "", show_header=False)
    for kind, many in sorted(Counter(type(answer).__name__.lower() for answer in answers).items()):
        table.add_row(f"calls acknowledged: {kind}", f"{many:,}")
    table.add_row("calls acknowledged", f"{len(answers):,}")
    table.add_row("calls tried again", f"{sum(answer.call.tries - 1 for answer in answers):,}")
    table.add_row("steps executed again (allowed)", f"{verdict.reexecutions:,}")
    table.add_row("attempts beside the writer, without effect (allowed)", f"{verdict.overlaps:,}")
    table.add_row("processes that ended by themselves", f"{len(ended)} {', '.join(sorted(set(ended)))}")
    table.add_row("longest time without any answer", f"{longest_silence(events).lasts_s:.2f} s")
    table.add_row("failover of a key, p50 / p99 / max", f"{_spread(away)}, {len(away)} times")
    table.add_row("any gap of a key, p50 / p99 / max", f"{_spread(gaps)}, {len(gaps)} times")
    table.add_row("lateness of timers, p50 / p99 / max", _spread(late))
    table.add_row("violations", f"[{'red' if verdict.violations else 'green'}]{len(verdict.violations)}[/]")
    return table


def _spread(seconds: Sequence[float]) -> str:
    return f"{percentile(seconds, 0.5):.2f} / {percentile(seconds, 0.99):.2f} / {max(seconds, default=0.0):.2f} s"
