"""An invocation in words, for operators."""

import re

from perdure.vm.describe import describe as entry_text
from perdure_protos.perdure.admin.v1.admin_pb2 import DescribeInvocationResponse

from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.rows import Invocation, Status


def describe(invocation: Invocation, journal: Journal) -> DescribeInvocationResponse:
    """Its status, and a line for each entry of its journal, in the words of the errors that handlers get."""
    return DescribeInvocationResponse(
        invocation_id=invocation.id,
        handler=f"{invocation.target.service}/{invocation.target.handler}",
        key=invocation.target.key,
        status=status_name(invocation.status),
        attempt=invocation.attempt,
        last_error=invocation.last_error,
        journal=[entry_text(entry) for entry in journal.entries],
    )


def status_name(status: Status) -> str:
    """As storage and the API write it: "backing_off"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(status).__name__).lower()
