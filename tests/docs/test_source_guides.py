"""What the guides to subscriptions and schedules define can be defined, and their contract declares what it says."""

import re
from pathlib import Path

import pytest
from google.protobuf import json_format
from perdure_codegen.generate import generate
from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule, Subscription
from perdure_runtime.contracts import Contracts
from perdure_runtime.sources.schedules import declared_by, timetable_of
from perdure_runtime.sources.secrets import Secrets

from tests.contracts.compiling import compile_protos

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a language in a guide."""
    text = (GUIDES / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"{page}.md has no block of {language}"
    return found


def test_the_subscription_is_one_and_names_its_secrets() -> None:
    (written,) = blocks("subscriptions", "json")
    subscription = json_format.Parse(written, Subscription())

    assert subscription.handler == "shop.v1.OrderService/Process"
    secrets = Secrets({"KAFKA_PASSWORD": "s3cret"})
    assert secrets.fill(subscription.kafka.settings["sasl.password"]) == "s3cret"


def test_the_source_of_nats_is_one() -> None:
    text = (GUIDES / "subscriptions.md").read_text(encoding="utf-8")
    (written,) = re.findall(r'`("nats": \{.*?\})`', text)
    subscription = json_format.Parse("{" + written + "}", Subscription())

    assert subscription.nats.stream == "ORDERS"


def test_the_schedule_of_operators_has_times() -> None:
    (written,) = blocks("schedules", "json")

    assert timetable_of(json_format.Parse(written, Schedule())).next_ms(0) == 6 * 3_600_000


@pytest.mark.parametrize("name", ["nightly", "often"])
def test_the_contract_declares_its_schedules(tmp_path: Path, name: str) -> None:
    (contract,) = blocks("schedules", "proto")
    (tmp_path / "protos" / "reports" / "v1").mkdir(parents=True)
    (tmp_path / "protos" / "reports" / "v1" / "reports.proto").write_text(contract)
    generate(tmp_path / "protos", tmp_path / "generated")

    descriptors = compile_protos(tmp_path, {"reports/v1/reports.proto": contract})
    declared = declared_by(Contracts.described(descriptors, ["reports.v1.Reports"]))

    assert f"reports.v1.Reports/{name}" in {schedule.name for schedule in declared}
