"""Callers outside: each asks with its idempotency key until it is told the end, whatever happens meanwhile."""

import asyncio
from random import Random

from perdure import codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.ingress.port import (
    AlreadyExists,
    EndpointUnavailable,
    NodeStops,
    NotAccepted,
    Submission,
    WorkflowId,
)
from perdure_runtime.node.router import Router
from perdure_runtime.partition.rows import Ended
from perdure_runtime.storage.api import StorageFailure
from simulated.v1 import Job, KeyedJob

from tests.simulation.nodes import Nodes
from tests.simulation.program import Errand, Role
from tests.simulation.witness import Witness

# All of these say: ask again.
TRY_AGAIN = (NotAccepted, NodeStops, EndpointUnavailable, StorageFailure, TimeoutError, ConnectionError)
# After so many times a caller has all the patience of the world.
HANGS_UP = 3


class Callers:
    """All callers of a program, and what they were told."""

    def __init__(self, nodes: Nodes, witness: Witness, random: Random) -> None:
        self._nodes = nodes
        self._witness = witness
        self._random = random
        self.told: dict[str, tuple[str, Outcome]] = {}

    async def run(self, errand: Errand) -> None:
        """One errand, and its twin where it has one."""
        await asyncio.sleep(errand.at_ms / 1000)
        await asyncio.gather(*(self._insist(errand, name) for name in ("one", "another")[: 1 + errand.twice]))

    async def _insist(self, errand: Errand, name: str) -> None:
        tries = 0
        while True:
            nodes = self._nodes.ready()
            if nodes:
                tries += 1
                node = self._random.choice(nodes)
                try:
                    patience_s = errand.patience_ms / 1000 if tries <= HANGS_UP and errand.patience_ms else None
                    async with asyncio.timeout(patience_s):
                        id, outcome = await self._nodes.ask(node, self._ask(node.node.router, errand, name))
                except TRY_AGAIN as error:
                    if errand.careless:
                        self._witness.note(f"the caller of {errand.body.name} goes after {type(error).__name__}")
                        self._witness.happened["careless callers that went without an answer"] += 1
                        return
                    self._witness.note(f"the caller of {errand.body.name} asks again after {type(error).__name__}")
                else:
                    self._hear(errand.body.name, id, outcome)
                    return
            await asyncio.sleep(self._random.choice((0.001, 0.01, 0.03)))

    async def _ask(self, calls: Router, errand: Errand, name: str) -> tuple[str, Outcome]:
        submission = submission_of(errand, name)
        self._witness.first_sent_ms.setdefault(errand.body.name, self._nodes.clock_ms())
        try:
            if not errand.attaches:
                return await calls.call(submission)
            id = await calls.submit(submission)
        except AlreadyExists as exists:
            id = exists.invocation_id
        self._witness.check(
            "what is acknowledged is durable", id in self._nodes.rows.invocations, f"{id} was acknowledged"
        )
        body = errand.body
        ended = await calls.attach(WorkflowId(submission.service, body.key) if body.role is Role.RUN else id)
        return ended.invocation_id, ended.outcome

    def _hear(self, body: str, id: str, outcome: Outcome) -> None:
        self._witness.note(f"the caller of {body} is told the end of {id}")
        row = self._nodes.rows.invocations.get(id)
        durable = row is not None and isinstance(row.status, Ended) and row.status.outcome == outcome
        self._witness.check("what is acknowledged is durable", durable, f"a caller was told the end of {id}")
        known = self.told.setdefault(body, (id, outcome))
        self._witness.check(
            "one end for all callers", known == (id, outcome), f"{body} ended as {known}, and otherwise"
        )


def submission_of(errand: Errand, name: str) -> Submission:
    """The call that an errand makes; callers of different names want a new workflow each for themselves."""
    body = errand.body
    key = "" if errand.careless else f"key of {body.name}"
    if body.role is Role.RUN:
        # The id of a workflow is all that its run needs to be one.
        key = f"{name} {key}" if errand.new else ""
    service, _, handler = body.role.value.partition("/")
    job = KeyedJob(key=body.key, body=body.name) if body.key else Job(body=body.name)
    return Submission(
        f"simulated.v1.{service}",
        handler,
        body.key,
        codec.encode(job),
        idempotency_key=key,
        must_be_new=errand.new,
        delay_ms=errand.delay_ms,
    )
