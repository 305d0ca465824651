"""The contract of these tests and the code that is committed for it.

`python -m tests.codegen.golden` writes that code anew: read the diff, since it is what users get.
"""

from pathlib import Path

from perdure_codegen.generate import generate

HERE = Path(__file__).parent
PROTOS = HERE / "protos"
GENERATED = HERE / "generated"


def main() -> None:
    """Writes the committed code."""
    for path in generate(PROTOS, GENERATED):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
