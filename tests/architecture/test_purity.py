"""The two cores decide and do nothing else: what could do something is not even imported there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import name, sources

# None of these does I/O, reads a clock, or draws by chance.
STANDARD = {"collections", "dataclasses", "enum", "hashlib", "itertools", "typing"}
# The vocabulary that both cores and the storage speak, and that in which partitions speak to each other.
ENTRIES = "perdure_protos.perdure.protocol.v1"
MESSAGES = "perdure_protos.perdure.peer.v1"
CORES = {
    "sdk/perdure/vm": {*STANDARD, "perdure.vm", ENTRIES},
    "runtime/perdure_runtime/partition": {*STANDARD, "perdure_runtime.partition", ENTRIES, MESSAGES},
}


@pytest.mark.parametrize("core", CORES)
def test_a_core_imports_only_what_is_pure(core: str) -> None:
    impure = [
        f"{name(file)} imports {module}"
        for file in sources(core)
        for module in _imports(file)
        if not any(module == pure or module.startswith(f"{pure}.") for pure in CORES[core])
    ]

    assert impure == []


@pytest.mark.parametrize("core", CORES)
def test_a_core_waits_for_nothing(core: str) -> None:
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [name(file) for file in sources(core) for node in ast.walk(_tree(file)) if isinstance(node, waiting)]

    assert found == []


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name(file)}: write the whole name of what you import"
            assert node.module is not None
            yield node.module
