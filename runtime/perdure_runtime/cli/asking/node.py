"""Asking the admin API of a node."""

import asyncio
from typing import Final, TypeVar

from google.protobuf.message import Message
from grpclib.const import Status

from perdure_runtime.admin.asking import TIMEOUT_S, AdminRefused, Asking
from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.asking.secure import headers_of, tls_of
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.problem import Problem

Res = TypeVar("Res", bound=Message)
# What went wrong at the node; all other troubles are in what was asked, or whom.
OF_THE_NODE: Final = frozenset(
    {Status.INTERNAL, Status.UNAVAILABLE, Status.UNKNOWN, Status.DATA_LOSS, Status.DEADLINE_EXCEEDED, Status.ABORTED}
)


def ask(connection: Connection, request: Message, response: type[Res], patience_s: float = TIMEOUT_S) -> Res:
    """The answer of a node to a request, whose type says what is asked. Raises Problem where it refuses."""
    host, port = parse_address("--admin", connection.admin)
    method = type(request).DESCRIPTOR.name.removesuffix("Request")
    node = Asking(host, port, headers=headers_of(connection), tls=tls_of(connection), timeout_s=patience_s)
    try:
        return asyncio.run(node.ask(method, request, response))
    except AdminRefused as error:
        raise Problem(str(error), exit_code=1 if error.status in OF_THE_NODE else 2) from error
