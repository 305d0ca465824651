"""The guides are what their readers get: the code of each page is generated, type-checked, run, and replayed."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest
from perdure_codegen.generate import generate

from tests.docs.page import Page, Program, read_page
from tests.docs.theatre import theatre, write_contracts

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
# These have tests of their own: they are about code of tests, and about what operators define and do.
ELSEWHERE = ("testing", "subscriptions", "schedules", "incident")
PAGES = [read_page(path) for path in GUIDES if path.stem not in ELSEWHERE]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The generated code of all pages, importable."""
    directory = tmp_path_factory.mktemp("guides")
    write_contracts(PAGES, directory / "protos")
    generate(directory / "protos", directory / "generated")
    sys.path.insert(0, str(directory / "generated"))
    yield directory / "generated"
    sys.path.remove(str(directory / "generated"))


@pytest.mark.usefixtures("generated")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
@pytest.mark.parametrize("always_replay", [False, True], ids=["as it is", "replayed wherever it waits"])
def test_a_page_does_what_it_says(page: Page, always_replay: bool) -> None:
    async def play() -> None:
        async with theatre(page, always_replay=always_replay) as stage:
            await stage.play()

    asyncio.run(play())


def test_buf_generates_the_contract_of_its_page_with_the_settings_that_it_shows(tmp_path: Path) -> None:
    page = ROOT / "docs" / "guides" / "contracts.md"
    (settings,) = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "buf.gen.yaml").write_text(settings)
    contract = tmp_path / "protos" / "greeting" / "v1" / "greeting.proto"
    contract.parent.mkdir(parents=True)
    contract.write_text(read_page(page).contract)
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}

    for command in (["perdure", "protos"], ["buf", "generate"], ["perdure", "generate", "protos", "--out", "other"]):
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)

    generated, other = (tmp_path / out / "greeting" / "v1" / "__init__.py" for out in ("generated", "other"))
    assert generated.read_text() == other.read_text()


def test_the_code_of_all_pages_is_typed(generated: Path, tmp_path: Path) -> None:
    for page in PAGES:
        (tmp_path / f"{page.path.stem.replace('-', '_')}_page.py").write_text(as_module(page), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, str(tmp_path)]
    command += ["--cache-dir", str(ROOT / ".mypy_cache" / "guides")]
    search = os.pathsep.join([str(generated), *(str(ROOT / part) for part in ("sdk", "generated"))])
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MYPYPATH": search})
    assert result.returncode == 0, result.stdout


def as_module(page: Page) -> str:
    """The code of a page as a type checker can read it: what awaits outside of functions is put into one."""
    programs = "".join(act.code.text for act in page.acts if isinstance(act, Program))
    lines = [line for line in programs.splitlines() if not line.startswith("from app import")]
    main = "async def main() -> None:\n" + indent("\n".join(lines), "    ")
    return "".join(code.text for code in page.app) + main
