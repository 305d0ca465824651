"""The call tree of an invocation: what it has called, and what those have."""

from perdure_protos.perdure.admin.v1.invocations_pb2 import CallTree, GetCallTreeRequest, GetCallTreeResponse

from perdure_runtime.admin.finding import Finder
from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rows import Row
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.storage.views import INVOCATION, is_equal

MOST_SHOWN = 1_000
# So many callers are asked for at once.
CALLERS = 200


class Calls:
    """The rpc about call trees."""

    def __init__(self, node: Administration, finder: Finder, readers: Readers) -> None:
        self._readers = readers
        self._node = node
        self._finder = finder

    @rpc
    async def get_call_tree(self, request: GetCallTreeRequest) -> GetCallTreeResponse:
        """Shows what an invocation has called, and what those have, level by level."""
        return await self._readers.run(self._tree, request.invocation_id)

    def _tree(self, invocation_id: str) -> GetCallTreeResponse:
        showing = self._finder.showing()
        answer = GetCallTreeResponse(
            root=CallTree(invocation=self._finder.listed(self._finder.row(invocation_id), showing))
        )
        level, shown = {invocation_id: answer.root}, 1
        while level:
            called = self._called(list(level), MOST_SHOWN - shown + 1)
            next_level: dict[str, CallTree] = {}
            for row in called:
                if shown == MOST_SHOWN:
                    answer.truncated = True
                    return answer
                branch = level[row.text("caller_id")].calls.add(invocation=self._finder.listed(row, showing))
                next_level[row.text("id")] = branch
                shown += 1
            level = next_level
        return answer

    def _called(self, callers: list[str], limit: int) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(callers), CALLERS):
            condition = is_equal("caller_id", *callers[start : start + CALLERS])
            found += (
                Row(INVOCATION, values) for values in self._node.survey.scan(INVOCATION, (condition,), None, limit)
            )
        return found
