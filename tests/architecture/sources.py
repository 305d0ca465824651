"""The Python files that people write and read here."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
# What is shipped.
PACKAGES = ("sdk", "runtime", "codegen")


def sources(*folders: str) -> list[Path]:
    """Our Python files in these folders of the repository, those that were generated left out."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert files, f"no Python files in {folders}"
    return sorted(file for file in files if "generated" not in file.parts)


def name(file: Path) -> str:
    """What people know a file by."""
    return file.relative_to(ROOT).as_posix()
