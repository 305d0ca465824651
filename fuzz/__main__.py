"""`make fuzz`: gives every door its share of the inputs, two at a time, and says what was found.

Exit code 1 where an input crashed something, hung, or left memory behind. Each input is kept by its hexadecimal digits
in the report: ``python -m fuzz --again TARGET DIGITS`` tries it alone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fuzz.ground import Ground
from fuzz.targets import TARGETS, Target

AT_ONCE = 2
FIRST_INPUTS = 50
# What a door may hold more of at the end than after half of its inputs: caches fill, and then they are full.
MOST_GROWTH = 0.03
SPARE_BLOCKS = 20_000

console = Console(highlight=False, width=120)


@dataclass(slots=True)
class Report:
    """What became of a target."""

    target: Target
    inputs: int = 0
    seconds: float = 0.0
    blocks: list[int] = field(default_factory=list)
    found: str = ""

    @property
    def growth(self) -> int:
        """By how many blocks memory has grown over the second half."""
        return self.blocks[-1] - self.blocks[len(self.blocks) // 2] if self.blocks else 0

    @property
    def problem(self) -> str:
        """What is wrong; empty where nothing is."""
        if self.found:
            return self.found
        most = SPARE_BLOCKS + int(MOST_GROWTH * self.blocks[0]) if self.blocks else 0
        return (
            f"it keeps {self.growth:,} blocks of memory, at most {most:,} are to be left" if self.growth > most else ""
        )


def try_target(target: Target, inputs: int, seed: int, *, plain: bool) -> Report:
    """Gives a target its inputs, in a process of its own."""
    report = Report(target)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryFile() as words:
        _begin_with(Path(corpus), seed)
        command = [
            *(sys.executable, "-m", "fuzz.child", target.name),
            *("--inputs", str(inputs), "--seed", str(seed), "--corpus", corpus, *(["--plain"] * plain)),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                report.inputs = said["inputs"]
                if said["found"]:
                    report.found = f"{said['found']}input: {said['input']}"
                else:
                    report.blocks.append(said["blocks"])
        if process.returncode and not report.found:
            words.seek(max(0, words.seek(0, os.SEEK_END) - 4_000))
            report.found = words.read().decode(errors="replace")
    report.seconds = time.monotonic() - began_s
    console.print(f"{target.name}: {report.inputs:,} inputs in {report.seconds:.0f} s", style="dim")
    return report


def _begin_with(corpus: Path, seed: int) -> None:
    """Inputs long enough to decide something: from none at all a fuzzer would grow them byte by byte."""
    chance = random.Random(seed)
    for number in range(FIRST_INPUTS):
        (corpus / str(number)).write_bytes(chance.randbytes(chance.randrange(8, 300)))


def try_all(targets: list[Target], inputs: int, seed: int, *, plain: bool) -> list[Report]:
    """All of them, some at a time."""
    shares = sum(target.share for target in targets)
    with ThreadPoolExecutor(AT_ONCE) as turns:
        tried = [
            turns.submit(try_target, target, -(-inputs * target.share // shares), seed, plain=plain)
            for target in targets
        ]
        return [each.result() for each in tried]


def again(name: str, digits: str) -> None:
    """Tries one input alone, with its traceback."""
    (target,) = (target for target in TARGETS if target.name == name)
    ground = Ground()
    feed = target.open(ground)
    ground.settle()
    feed(bytes.fromhex(digits))
    console.print("nothing was found")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", choices=[target.name for target in TARGETS])
    parser.add_argument("--plain", action="store_true", help="by chance alone, without atheris")
    parser.add_argument("--again", nargs=2, metavar=("TARGET", "DIGITS"))
    asked = parser.parse_args()
    if asked.again:
        again(*asked.again)
        return 0
    targets = [target for target in TARGETS if not asked.target or target.name in asked.target]
    reports = try_all(targets, asked.inputs, asked.seed, plain=asked.plain)
    table = Table("target", "inputs", "a second", "memory kept", "found", title="hostile input")
    for report in reports:
        rate = f"{report.inputs / report.seconds:,.0f}"
        table.add_row(
            report.target.name, f"{report.inputs:,}", rate, f"{report.growth:+,} blocks", "!" * bool(report.problem)
        )
    console.print(table)
    for report in reports:
        if report.problem:
            console.print(f"{report.target.name}: {report.problem}", markup=False, soft_wrap=True)
    console.print(f"{sum(report.inputs for report in reports):,} inputs")
    return 1 if any(report.problem for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
