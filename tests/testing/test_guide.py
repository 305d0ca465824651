"""The guide to testing is what its reader gets: its own text is written to files and run."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guides" / "testing.md").read_text(encoding="utf-8")


def test_the_contract_generates_and_the_tests_of_the_guide_pass(tmp_path: Path) -> None:
    (contract,) = re.findall(r"```proto\n(.*?)```", GUIDE, re.DOTALL)
    handlers, *tests = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    protos = tmp_path / "protos" / "reviews" / "v1" / "reviews.proto"
    protos.parent.mkdir(parents=True)
    protos.write_text(contract)
    (tmp_path / "handlers.py").write_text(handlers)
    (tmp_path / "test_shop.py").write_text("\n\n".join(tests))
    generate = [sys.executable, "-m", "perdure_runtime.cli", "generate", "protos", "--out", "generated"]
    subprocess.run(generate, cwd=tmp_path, check=True, capture_output=True, timeout=120)

    environment = {**os.environ, "PYTHONPATH": "generated", "PYTEST_ADDOPTS": ""}
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_shop.py"]
    finished = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    assert finished.returncode == 0, finished.stdout
    assert f"{GUIDE.count('async def test_')} passed" in finished.stdout
