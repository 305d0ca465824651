"""The README's first service is what its reader gets: its own text is written to files and run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.demo.processes import Service, free_port

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, holds: str) -> str:
    """The one block of code in a language that holds a text."""
    (found,) = [code for code in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if holds in code]
    return str(found)


def test_the_first_service_generates_runs_and_answers_the_call_of_the_readme(tmp_path: Path) -> None:
    contract = tmp_path / "protos" / "shop" / "v1" / "shop.proto"
    contract.parent.mkdir(parents=True)
    contract.write_text(block("proto", "service OrderService"))
    (tmp_path / "app.py").write_text(block("python", "perdure.Endpoint"))
    command = [sys.executable, "-m", "perdure_runtime.cli", "generate", "protos", "--out", "generated"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)

    ingress, admin = free_port(), free_port()
    service = Service(
        name="dev",
        arguments=["dev", "app:app", "--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"],
        port=ingress,
        log=tmp_path / "log",
        environment={"PYTHONPATH": os.pathsep.join(["generated", os.environ.get("PYTHONPATH", "")])},
        directory=tmp_path,
    )
    service.start()
    try:
        call = block("sh", "curl localhost:8080").replace("localhost:8080", f"127.0.0.1:{ingress}")
        answers = [subprocess.run(["sh", "-c", call], capture_output=True, check=True, timeout=60) for _ in range(2)]
    finally:
        service.stop()
    first, second = (json.loads(answer.stdout) for answer in answers)
    assert first == second
    assert first["points"] == "42"
    assert service.log.read_text().count("charged 4200") == 1


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md"), ROOT / "CONTRIBUTING.md"],
)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
