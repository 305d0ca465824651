"""`perdure dev`: runtime and handlers in one process, on one file that the next process goes on with."""

import json
import subprocess
from pathlib import Path
from typing import Any

from examples.demo.processes import ROOT, Service, free_port
from tests.conformance.operator_desk import eventually


def dev(directory: Path, app: str = "examples.user_account.app:app", reload: str = "--no-reload") -> Service:
    """The user account, served by one process."""
    ingress, admin = free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    arguments = ["dev", app, reload, "--data", str(directory / "data"), *addresses]
    return Service(
        "dev", arguments, ingress, directory / "log", directory=ROOT if reload == "--no-reload" else directory
    )


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


APP = """
import perdure
from accounts.v1 import Account, UserAccountHandlers

class Accounts(UserAccountHandlers):
    async def update_balance(self, ctx, request):
        return Account(customer=ctx.key, balance_cents=BALANCE)

    async def add_points(self, ctx, request):
        await ctx.awakeable(Account)
        return Account(customer=ctx.key, balance_cents=BALANCE)

    async def get_account(self, ctx, request):
        return Account(customer=ctx.key, balance_cents=BALANCE)

app = perdure.Endpoint(Accounts())
"""


def answers(service: Service, cents: str) -> bool:
    """Whether the handlers answer with this balance."""
    try:
        return bool(call(service, "GetAccount", {"customer": "ada"})["balanceCents"] == cents)
    except subprocess.CalledProcessError:
        # It is just starting again.
        return False


def write(folder: Path, body: str) -> None:
    """Saves the code of the handlers."""
    (folder / "app.py").write_text(body + APP)


def test_it_starts_again_when_code_is_saved_and_waits_for_what_cannot_be_imported(tmp_path: Path) -> None:
    write(tmp_path, "BALANCE = 1")
    service = dev(tmp_path, "app:app", "--reload")
    pid = service.start()
    try:
        assert eventually(lambda: answers(service, "1"))
        write(tmp_path, "BALANCE = 2")
        assert eventually(lambda: answers(service, "2"))
        write(tmp_path, "BALANCE =")
        assert eventually(lambda: "waiting for a change" in service.log.read_text())
        write(tmp_path, "BALANCE = 3")
        assert eventually(lambda: answers(service, "3"))
        assert service.process is not None
        # Who looks after the process need not know.
        assert (service.process.pid, service.process.poll()) == (pid, None)
    finally:
        service.stop()
    log = service.log.read_text()
    assert "perdure: app.py was saved, starting again" in log
    assert "UserAccount/GetAccount  ada" in log
