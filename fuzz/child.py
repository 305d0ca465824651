"""One target in a process of its own: a door that breaks takes no other with it.

What happens is said in lines of JSON on standard output, each a ``Progress``. Under atheris libFuzzer itself ends the
process at a crash, at an input that takes too long, and where memory runs out; it says why on standard error. With
``--plain`` inputs are chosen by chance instead, and nothing looks at what they reach.
"""

import argparse
import gc
import json
import random
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from fuzz.ground import Ground
from fuzz.targets import TARGETS

# An input that takes so long hangs.
SLOWEST_S = 10
MOST_MEMORY_MB = 2_048
LONGEST_BYTES = 512
# So often in a run it is counted what is in memory.
LOOKS = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """``blocks`` of memory that Python holds after so many ``inputs``; why it ends there, if it does."""

    inputs: int
    blocks: int = 0
    found: str = ""
    input: str = ""

    def say(self) -> None:
        """To whoever started this process."""
        print(json.dumps(asdict(self)), flush=True)


def main() -> None:
    """Runs until all inputs are used up, or something is found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=[target.name for target in TARGETS])
    parser.add_argument("--inputs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--plain", action="store_true")
    asked = parser.parse_args()
    (target,) = (target for target in TARGETS if target.name == asked.target)
    ground = Ground()
    if asked.plain:
        feed = target.open(ground)
    else:
        import atheris

        with atheris.instrument_imports(include=["perdure", "perdure_runtime", "perdure_codegen"]):
            feed = target.open(ground)
    ground.settle()
    every = max(1, asked.inputs // LOOKS)
    done = 0

    def one(data: bytes) -> None:
        nonlocal done
        try:
            feed(data)
        except Exception:
            Progress(done, found=traceback.format_exc(), input=data.hex()).say()
            raise
        done += 1
        if done % every == 0:
            gc.collect()
            Progress(done, sys.getallocatedblocks()).say()

    if asked.plain:
        chance = random.Random(asked.seed)
        for _ in range(asked.inputs):
            one(chance.randbytes(chance.randrange(LONGEST_BYTES)))
        return
    options = [
        *(f"-runs={asked.inputs}", f"-seed={asked.seed}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MOST_MEMORY_MB}"),
        *(f"-max_len={LONGEST_BYTES}", "-len_control=0", "-print_final_stats=0", f"-artifact_prefix={asked.corpus}/"),
    ]
    atheris.Setup([sys.argv[0], *options, str(asked.corpus)], one, enable_python_coverage=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
