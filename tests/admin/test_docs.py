"""docs/admin-api.md says of every rpc what it does and which role it takes, and of every status of a filter."""

import re
from pathlib import Path

from perdure_runtime.admin.filters import STATUSES
from perdure_runtime.admin.service import AdminService

from tests.admin.administration import FakeAdministration

PAGE = (Path(__file__).parents[2] / "docs" / "admin-api.md").read_text()


def test_it_has_every_rpc_with_its_role_and_words() -> None:
    written = re.findall(r"^\| `([A-Z]\w+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    rpcs = AdminService(FakeAdministration()).rpcs.values()
    assert written == [(rpc.name, rpc.role.name.lower(), rpc.words) for rpc in rpcs]


def test_it_names_every_status() -> None:
    filters = PAGE.partition("## Filters")[2].partition("##")[0]
    named = set(re.findall(r"`(\w+)`", filters))
    assert named == {"statuses", "error_contains", *STATUSES}
