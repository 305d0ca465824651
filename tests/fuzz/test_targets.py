"""Every door stands a first knock, and what should be found is found."""

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


def test_every_target_takes_inputs_by_chance() -> None:
    command = [sys.executable, "-m", "fuzz", "--plain", "--inputs", "1500", "--seed", "3"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert all(target.name in ran.stdout for target in TARGETS)


STORY = """
import asyncio, logging
from fuzz.ground import Ground
ground = Ground()
ground.settle()
async def leave(): asyncio.create_task(asyncio.Event().wait())
async def log(): logging.getLogger("perdure_runtime.node").error("a bug")
async def fail(): asyncio.get_running_loop().call_soon(lambda: 1 / 0)
async def behave(): await asyncio.sleep(0)
ground.run({what}())
ground.check()
"""


@pytest.mark.parametrize(
    ("what", "said"), [("leave", "left running"), ("log", "a bug"), ("fail", "division by zero"), ("behave", "")]
)
def test_what_no_input_may_do_is_found(what: str, said: str) -> None:
    # In a process of its own: the ground takes over its log.
    command = [sys.executable, "-c", STORY.replace("{what}", what)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (ran.returncode == 0) == (said == "")
    assert said in ran.stderr
