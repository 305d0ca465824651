"""`perdure dev`: runtime and handlers in one process, on one file that the next process goes on with."""

import json
import subprocess
from pathlib import Path
from typing import Any

from examples.demo.processes import Service, free_port


def dev(directory: Path) -> Service:
    """The user account, served by one process."""
    ingress, admin = free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    arguments = ["dev", "examples.user_account.app:app", "--data", str(directory / "data"), *addresses]
    return Service("dev", arguments, ingress, directory / "log")


def call(service: Service, method: str, body: dict[str, object]) -> dict[str, Any]:
    """Calls a handler with curl."""
    url = f"http://127.0.0.1:{service.port}/accounts.v1.UserAccount/{method}"
    curl = ["curl", "--silent", "--fail-with-body", url, "--header", "content-type: application/json"]
    ran = subprocess.run([*curl, "--data", json.dumps(body)], capture_output=True, check=True, timeout=60)
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def test_state_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    service = dev(tmp_path)
    service.start()
    assert call(service, "UpdateBalance", {"customer": "ada", "amountCents": 500})["balanceCents"] == "500"
    service.kill()
    service.start()
    try:
        assert call(service, "GetAccount", {"customer": "ada"})["balanceCents"] == "500"
    finally:
        service.stop()


def test_a_process_that_is_asked_to_end_does_so_without_an_error(tmp_path: Path) -> None:
    service = dev(tmp_path)
    service.start()
    process = service.process
    assert process is not None
    service.stop()
    assert process.returncode == 0
    log = service.log.read_text()
    assert "ingress on 127.0.0.1:" in log
    assert "Traceback" not in log
