"""One source that is read: a partition of a topic, whose messages become invocations in order, each once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from perdure_runtime.ingress.port import EndpointUnavailable, NotAccepted, Submission
from perdure_runtime.sources.flow import Flow, Ticket, resume_at
from perdure_runtime.sources.node import Node
from perdure_runtime.sources.port import Message, Topic, TopicTrouble
from perdure_runtime.sources.record import TopicRecord
from perdure_runtime.sources.request import Calling, Unfit, find_handler, place_of

# Between two tries of what did not succeed.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How a source is getting on. ``status`` is "reading", "waiting" for something, or "stuck" at a message."""

    status: str
    problem: str = ""


READING = State("reading")


@dataclass(frozen=True, slots=True)
class Source:
    """A partition of a topic, as a subscription reads it.

    ``name`` is that of its marks, ``place`` what it is called in errors. ``from_latest`` begins with what comes next,
    ``skips`` says whether a message that cannot become a call is to be left out.
    """

    name: str
    place: str
    calling: Calling
    from_latest: bool
    skips: Callable[[int], bool]


class Reading:
    """Reads a source until it is cancelled. What was on its way then may have come through, or not: marks tell."""

    def __init__(self, source: Source, node: Node, delivered: Callable[[], None]) -> None:
        self._source = source
        self._node = node
        self._kept = node.kept.of(source.name)
        self._delivered = delivered
        self._flow: Flow[Submission] = Flow(0)
        self._record = TopicRecord(0)
        self._moved = asyncio.Event()
        self._lanes: set[asyncio.Task[None]] = set()
        self._troubles: dict[int, str] = {}
        self._stuck = ""
        self.begun = False

    @property
    def done(self) -> int:
        """The last position up to which all has come through."""
        return self._flow.done

    @property
    def state(self) -> State:
        """How it is getting on."""
        if self._stuck:
            return State("stuck", self._stuck)
        for trouble in self._troubles.values():
            return State("waiting", trouble)
        return READING

    async def run(self, topic: Topic, partition: str) -> None:
        """Reads from where the source has come to. Raises TopicTrouble, StorageFailure."""
        begin = await self._begin(topic, partition)
        self._flow = Flow(begin)
        self.begun = True
        feed = await topic.feed(partition, begin)
        try:
            while True:
                message = await feed.next()
                submission = await self._fitting(message)
                if submission is None:
                    self._flow.passed(message.position)
                else:
                    await self._send(message, submission)
        finally:
            for lane in self._lanes:
                lane.cancel()
            await asyncio.gather(*self._lanes, return_exceptions=True)
            await feed.close()

    async def _begin(self, topic: Topic, partition: str) -> int:
        # First the marks: what another reader brings in the meantime lies within bounds that are read after them.
        marks = await self._kept.marks()
        bounds = await topic.bounds(partition)
        record = await self._kept.record()
        if record is None:
            record = TopicRecord(bounds.next if self._source.from_latest else bounds.first)
            await self._kept.keep(record)
        self._record = record
        come_to = max(marks, default=record.begun - 1)
        if come_to >= bounds.next:
            raise TopicTrouble(
                f"{self._source.place} ends before {bounds.next}, and {come_to} has been read of it: it was made anew; "
                "remove the subscription, and define it again to read the new one"
            )
        if come_to + 1 < bounds.first:
            # Gone for good: nobody can wait for it.
            log.warning(
                "%s keeps nothing before %d any more: what came after %d was removed before it was read",
                *(self._source.place, bounds.first, come_to),
            )
        return max(bounds.first, resume_at(marks, record.begun))

    async def _fitting(self, message: Message) -> Submission | None:
        """The call that a message is, as soon as it is one; None where it is left out."""
        position = message.position
        while True:
            try:
                submission = self._source.calling.submission(
                    self._node.invocations.contracts, self._source.name, message
                )
            except Unfit as unfit:
                if position in self._record.skipped:
                    break
                if self._source.skips(position):
                    self._record = self._record.skipping(position)
                    await self._kept.keep(self._record)
                    log.warning("%s: message %d is left out: %s", self._source.place, position, unfit)
                    break
                self._stuck = (
                    f"message {position} of {self._source.place} cannot be delivered: {unfit}. It is tried again; to "
                    f"leave it out, set skip of its partition to {position}"
                )
                await asyncio.sleep(LONGEST_PAUSE_S / 4)
            else:
                self._stuck = ""
                return submission
        self._stuck = ""
        return None

    async def _send(self, message: Message, submission: Submission) -> None:
        size = len(submission.input)
        while not self._flow.takes(message.position, size):
            self._moved.clear()
            await self._moved.wait()
        lane = self._node.placement.of_place(place_of(submission))
        if self._flow.take(lane, Ticket(message.position, size, submission)):
            task = asyncio.create_task(self._drive(lane), name=f"lane {lane} of {self._source.name}")
            self._lanes.add(task)
            task.add_done_callback(self._lanes.discard)

    async def _drive(self, lane: int) -> None:
        ticket = self._flow.head(lane)
        while ticket is not None:
            await self._deliver(lane, ticket.item)
            self._delivered()
            ticket = self._flow.settle(lane)
            self._moved.set()

    async def _deliver(self, lane: int, submission: Submission) -> None:
        """Submits a call until it is known to be durable: repeats are nothing, by its mark."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                # Its deployment may have been removed since.
                find_handler(self._node.invocations.contracts, f"{submission.service}/{submission.handler}")
                await self._node.invocations.submit(submission)
                break
            except (Unfit, NotAccepted, EndpointUnavailable) as error:
                self._troubles[lane] = str(error)
            except Exception:
                # A bug here must not lose a message, nor those behind it; who looks after the node is told.
                log.exception("message %s of %s could not be delivered", submission.mark, self._source.place)
                self._troubles[lane] = "the runtime failed to take a message; its log says why"
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._troubles.pop(lane, None)
