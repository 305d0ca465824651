"""How long an invocation is kept goes with it from its start: it may end without a handler that could say so."""

from pathlib import Path

import pytest
from perdure_runtime.contracts import Contracts
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import LAST_MS, Mode

from tests.contracts.compiling import compile_protos, contract

NODE = Execution(outcome_retention_ms=5_000, journal_retention_ms=6_000)
KEYED = "message Keyed { string id = 1 [(perdure.v1.field) = { key: true }]; }\n"


def _mode(folder: Path, service: str, handler: str, execution: str, of_service: str = "") -> Mode:
    options = f"option (perdure.v1.service) = {{ {of_service} execution {{ {execution} }} }};"
    body = f"{KEYED}service {service} {{ {options} rpc {handler}(Keyed) returns (Receipt); }}"
    described = Contracts.described(compile_protos(folder, contract(body)), [f"shop.v1.{service}"], NODE)
    return described.handlers[f"/shop.v1.{service}/{handler}"].mode


@pytest.mark.parametrize(
    ("execution", "kept_ms"),
    [
        ("", (5_000, 6_000)),
        ("idempotency_retention { seconds: 60 } journal_retention { seconds: 30 }", (60_000, 30_000)),
        ("journal_retention { seconds: 9000000000000000 }", (5_000, LAST_MS)),
    ],
    ids=["the default of the node", "the contract", "more than a row can hold"],
)
def test_the_retentions_of_a_handler_are_part_of_its_mode(
    tmp_path: Path, execution: str, kept_ms: tuple[int, int]
) -> None:
    mode = _mode(tmp_path, "Account", "Update", execution, "kind: VIRTUAL_OBJECT")

    assert (mode.outcome_retention_ms, mode.journal_retention_ms) == kept_ms


def test_a_run_is_kept_as_its_workflow_is(tmp_path: Path) -> None:
    kept = "kind: WORKFLOW workflow_retention { seconds: 7 }"
    mode = _mode(tmp_path, "Signup", "Run", "idempotency_retention { seconds: 60 }", kept)

    assert mode.outcome_retention_ms == 7_000
