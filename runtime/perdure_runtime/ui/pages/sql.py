"""SQL over what the cluster has: a box for one SELECT, its table, and the views that there are."""

import json
from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.cluster_pb2 import QueryRequest, QueryResponse
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.query.relations import RELATIONS
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown

# More rows than people read in a page; `perdure sql` gives more.
LIMIT = 500
FIRST = (
    "select service, handler, status, count(*) as number\n"
    "from invocation\ngroup by service, handler, status\norder by number desc"
)


def routes(site: Site) -> Iterable[Route]:
    """The box, and what it asks. A link may fill it in, but nothing runs by a link."""
    yield shown(site, "/sql", show)
    yield done(site, "/sql", run)


async def show(visit: Visit) -> Response:
    """Shows the box."""
    return _page(visit, visit.query.text("sql", FIRST))


async def run(visit: Visit) -> Response:
    """Shows what the query answers."""
    sql = (await visit.form()).text("sql")
    began_ms = visit.site.now_ms()
    try:
        answer = await visit.ask("Query", QueryRequest(sql=sql, limit=LIMIT), QueryResponse)
    except Refusal as refusal:
        return _page(visit, sql, problem=refusal.message)
    return _page(visit, sql, answer=answer, took_ms=visit.site.now_ms() - began_ms)


def _page(
    visit: Visit, sql: str, *, answer: QueryResponse | None = None, problem: str = "", took_ms: int = 0
) -> Response:
    return visit.page(
        "sql.html",
        http_status=400 if problem else 200,
        problem=problem,
        title="SQL",
        sql=sql,
        answer=answer,
        rows=[json.loads(row) for row in answer.rows] if answer is not None else (),
        took_ms=took_ms,
        limit=LIMIT,
        views=RELATIONS.values(),
    )
