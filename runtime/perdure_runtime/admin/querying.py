"""SQL over the views of the cluster."""

from grpclib.const import Status
from perdure_protos.perdure.admin.v1.cluster_pb2 import QueryRequest, QueryResponse

from perdure_runtime.admin.port import Query
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.ingress.refusal import Refusal

DEFAULT_ROWS, MOST_ROWS = 1_000, 100_000
DEFAULT_TIMEOUT_MS, LONGEST_TIMEOUT_MS = 10_000, 60_000


class Querying:
    """The rpc about SQL."""

    def __init__(self, query: Query | None) -> None:
        """None where this node answers no SQL."""
        self._query = query

    @rpc
    async def query(self, request: QueryRequest) -> QueryResponse:
        """Answers one SELECT over the views. It never writes, and is ended where it takes too long."""
        if not request.sql.strip():
            raise Refusal(Status.INVALID_ARGUMENT, "sql is empty; write a SELECT, such as SELECT id FROM invocation")
        if self._query is None:
            raise Refusal(Status.UNIMPLEMENTED, "this node answers no SQL; ask one that `perdure up` has started")
        bounded = QueryRequest(
            sql=request.sql,
            limit=min(request.limit or DEFAULT_ROWS, MOST_ROWS),
            timeout_ms=min(request.timeout_ms or DEFAULT_TIMEOUT_MS, LONGEST_TIMEOUT_MS),
        )
        try:
            return await self._query.query(bounded)
        except TimeoutError as error:
            sentence = str(error) or f"the query took longer than {bounded.timeout_ms} ms; ask for less, or allow more"
            raise Refusal(Status.DEADLINE_EXCEEDED, sentence) from error
        except ValueError as error:
            raise Refusal(Status.INVALID_ARGUMENT, str(error)) from error
