"""Rows as the simulated contract reads them."""

from perdure import codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition.rows import Invocation
from simulated.v1 import Job, KeyedJob, Report

from tests.simulation.script import SEPARATOR


def body_of(row: Invocation) -> str:
    """The body that an invocation does."""
    job = codec.decode(KeyedJob, row.input) if row.target.key else codec.decode(Job, row.input)
    return job.body


def report_of(outcome: Outcome) -> tuple[bool, list[str]]:
    """Whether a body failed, and its log."""
    if outcome.HasField("failure"):
        return True, outcome.failure.message.split(SEPARATOR)
    return False, codec.decode(Report, outcome.value).log
