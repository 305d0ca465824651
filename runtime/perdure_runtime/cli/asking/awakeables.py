"""Awakeables that have no result yet."""

from perdure_protos.perdure.admin.v1.state_pb2 import ListAwakeablesRequest, ListAwakeablesResponse

from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.paging import note_more, pages
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import note, print_json, table


def print_all(connection: Connection, service: str, invocation_id: str, limit: int, *, as_json: bool) -> None:
    """Prints those of a service, of an invocation, or all."""

    def ask_page(size: int, token: str) -> ListAwakeablesResponse:
        request = ListAwakeablesRequest(service=service, invocation_id=invocation_id, page_size=size, page_token=token)
        return ask(connection, request, ListAwakeablesResponse)

    found = ListAwakeablesResponse()
    for page in pages(ask_page, lambda page: len(page.awakeables), limit):
        found.awakeables.extend(page.awakeables)
        found.next_page_token = page.next_page_token
    if as_json:
        print_json(found)
        return
    if not found.awakeables:
        note("there are none")
        return
    columns = ("id", "invocation", "handler", "takes")
    table(columns, ((each.id, each.invocation_id, each.handler, each.type) for each in found.awakeables))
    note_more(len(found.awakeables), found.next_page_token)
