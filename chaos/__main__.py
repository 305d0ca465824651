"""`make chaos`: a cluster of real processes under load and under fire, and a checker over all that it said."""

import argparse
import asyncio
import random
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from chaos import ledger
from chaos.asking import Asker
from chaos.autopsy import keep_tables
from chaos.checker import check
from chaos.conductor import conduct
from chaos.faults import Setting, plan
from chaos.finals import record_finals
from chaos.history import Recorder, Span, Unanswered
from chaos.load import Load
from chaos.report import report
from chaos.town import running_town

# How long a try waits. A probe is impatient: what it measures is the cluster, not its own patience.
TRY_S = 3.0
PROBE_TRY_S = 0.5
# What has not ended so long after the last fault hangs.
PATIENCE_S = 60.0

console = Console(highlight=False, width=120)


@dataclass(frozen=True, slots=True)
class Run:
    """What to do."""

    setting: Setting
    seed: int
    seconds: float
    every_s: float
    callers: int
    directory: Path


async def run_chaos(run: Run, recorder: Recorder) -> list[str]:
    """Runs load and faults, then reads what is there; returns which processes ended by themselves."""
    async with running_town(run.directory, run.setting) as town:
        ingresses = [node.ingress for node in town.nodes]
        ask, probe = Asker(ingresses, recorder, TRY_S), Asker(ingresses, recorder, PROBE_TRY_S, loyal=True)
        load = Load(ask, probe, recorder, run.seed)
        calling = asyncio.create_task(load.run(run.callers))
        try:
            began_s = ledger.moment_s()
            faults = plan(run.seed, run.seconds, run.every_s, run.setting)
            await conduct(faults, town, recorder)
            await asyncio.sleep(began_s + run.seconds - ledger.moment_s())
            recorder.add(Span(began_s, ledger.moment_s()))
            load.stop()
            # Whoever still waits then is cancelled, and the history has it as unanswered.
            await asyncio.wait([calling], timeout=PATIENCE_S)
            await _end(calling)
            if any(isinstance(event, Unanswered) for event in recorder.events):
                await asyncio.to_thread(keep_tables, town.database, run.directory / "tables")
            # What hangs here is in the history too.
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * PATIENCE_S):
                    await record_finals(ask, recorder, PATIENCE_S)
        finally:
            await _end(calling)
            await ask.close()
            await probe.close()
        return town.ended


async def _end(calling: "asyncio.Task[None]") -> None:
    calling.cancel()
    with suppress(asyncio.CancelledError):
        await calling


def parse() -> Run:
    """The run that the command line asks for."""
    options = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    options.add_argument("--seconds", type=float, default=600, help="how long faults come")
    options.add_argument("--every", type=float, default=5, help="seconds from one fault to the next, on average")
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--endpoints", type=int, default=2)
    options.add_argument("--lease", type=float, default=5, help="seconds for which a node may be silent")
    options.add_argument("--callers", type=int, default=24)
    options.add_argument("--seed", type=int, help="of the plan of faults and of the calls; drawn if not given")
    options.add_argument("--directory", type=Path, help="an empty one, for logs, history and ledger")
    chosen = options.parse_args()
    return Run(
        setting=Setting(chosen.nodes, chosen.endpoints, chosen.lease),
        seed=random.randrange(1_000_000) if chosen.seed is None else chosen.seed,
        seconds=chosen.seconds,
        every_s=chosen.every,
        callers=chosen.callers,
        directory=chosen.directory or Path(tempfile.mkdtemp(prefix="perdure-chaos-")),
    )


def main() -> int:
    """Exit code 1 says that a promise was broken."""
    run = parse()
    run.directory.mkdir(parents=True, exist_ok=True)
    console.print(f"seed {run.seed}: {run.setting.nodes} nodes, {run.seconds:g} s, all that is said in {run.directory}")
    recorder = Recorder(run.directory / "history.jsonl")
    try:
        ended = asyncio.run(run_chaos(run, recorder))
    finally:
        recorder.close()
    verdict = check(recorder.events, ledger.read(run.directory / "ledger.jsonl"))
    report(console, recorder.events, verdict, ended)
    console.print(f"seed {run.seed}; logs, history and ledger are in {run.directory}")
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
