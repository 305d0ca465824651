"""Thousands of invocations: pages and bulk actions go through all of them, and what has no bound is cut off."""

import asyncio

from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    BulkAction,
    CallTree,
    GetCallTreeRequest,
    InvocationFilter,
)
from perdure_runtime.admin.calls import MOST_SHOWN
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.port import Submission
from perdure_runtime.storage.views import INVOCATION, ViewRow

from tests.admin.administration import FakeAdministration
from tests.admin.naive import NaiveSurvey, row_of
from tests.admin.town import TRIAL, Town, play

MANY = 3_000
LATER_MS = 86_400_000


def test_thousands_are_paged_killed_and_purged() -> None:
    async def story(town: Town) -> None:
        later = Submission(TRIAL, "Second", "", b"", delay_ms=LATER_MS)
        ids = await asyncio.gather(*(town.node.router.submit(later) for _ in range(MANY)))
        assert [each.id async for each in town.admin.invocations(oldest_first=True)] == sorted(ids)
        assert await town.admin.count(InvocationFilter(statuses=["scheduled"])) == MANY
        assert await town.admin.count(limit=10) == 10
        killed = [page.done async for page in town.admin.act(BulkAction.KILL, InvocationFilter())]
        assert killed == [500] * (MANY // 500)
        purged = [
            page.done
            async for page in town.admin.act(BulkAction.PURGE, InvocationFilter(statuses=["cancelled", "failed"]))
        ]
        assert sum(purged) == MANY
        assert await town.admin.count() == 0

    play(story)


def _row(id: str, caller: str | None) -> ViewRow:
    return row_of(
        INVOCATION,
        id=id,
        service=TRIAL,
        handler="First",
        status="running",
        created_at_ms=1,
        caller_id=caller,
        headers="[]",
    )


def _size(tree: CallTree) -> int:
    return 1 + sum(_size(each) for each in tree.calls)


def test_a_call_tree_is_cut_off_where_it_is_too_large_and_says_so() -> None:
    administration = FakeAdministration()
    rows = [_row("inv_0", None), *(_row(f"inv_{number}", f"inv_{(number - 1) // 3}") for number in range(1, 1_500))]
    administration.survey = NaiveSurvey({"invocation": rows})
    room = AdminService(administration).calls
    told = asyncio.run(room.get_call_tree(GetCallTreeRequest(invocation_id="inv_0")))
    assert (_size(told.root), told.truncated) == (MOST_SHOWN, True)
    assert [each.invocation.id for each in told.root.calls] == ["inv_1", "inv_2", "inv_3"]
    part = asyncio.run(room.get_call_tree(GetCallTreeRequest(invocation_id="inv_400")))
    assert (_size(part.root), part.truncated) == (4, False)
