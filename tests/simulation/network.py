"""The network between nodes and endpoints: frames take time, arrive in order, or never when their session breaks."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Generic, Protocol, TypeVar

from perdure import Endpoint
from perdure.session import EndpointSession
from perdure_protos.perdure.peer.v1.peer_pb2 import Requests, Responses
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame
from perdure_runtime.invoker.transport import EndpointUnreachable, Link, OnFrames

from tests.simulation.loop import Group, carried, outside
from tests.simulation.witness import Witness

FrameT = TypeVar("FrameT", NodeFrame, EndpointFrame, Requests, Responses)

DELAYS_S = (0.0, 0.0, 0.0002, 0.001, 0.005)


class Direction(Generic[FrameT]):
    """One way of a session. Frames of one turn of the loop travel together; none overtakes another."""

    def __init__(self, random: Random, deliver: Callable[[list[FrameT]], None], to: Group | None) -> None:
        """Frames are delivered to a group, or to somebody who belongs to none."""
        self._random = random
        self._to = to
        self._deliver: Callable[[list[FrameT]], None] = deliver
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[FrameT] = []
        self._in_flight: deque[list[FrameT]] = deque()
        self._busy_until_s = 0.0
        self.cut = False

    def send(self, frames: Sequence[FrameT]) -> None:
        """Takes frames as bytes would be taken: what happens to them afterwards does not reach the other side."""
        if self.cut:
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush, context=carried(None))
        self._outgoing.extend(type(frame).FromString(frame.SerializeToString()) for frame in frames)

    def stall(self, seconds: float) -> None:
        """Nothing arrives for a while."""
        self._busy_until_s = max(self._busy_until_s, self._loop.time() + seconds)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        self._in_flight.append(frames)
        self._busy_until_s = max(self._busy_until_s, self._loop.time() + self._random.choice(DELAYS_S))
        # Timers of one moment fire in no order of their own: each delivers whatever is next.
        self._loop.call_at(self._busy_until_s, self._arrive, context=carried(self._to))

    def _arrive(self) -> None:
        frames = self._in_flight.popleft()
        if not self.cut:
            self._deliver(frames)


class Side(Protocol):
    """The node at the other end of a session."""

    @property
    def group(self) -> Group:
        """What the node's callbacks run in."""

    def has(self, id: str) -> bool:
        """Whether it owns what an invocation, or an awakeable, is in: what an attempt says to it still counts."""

    def grants(self, invocation_id: str) -> None:
        """It lets a step start."""


class Process:
    """An endpoint process, which can be killed and comes back; it is also the transport to itself."""

    def __init__(self, name: str, endpoint: Endpoint, random: Random, witness: Witness) -> None:
        self.address = name
        self.endpoint = endpoint
        self.random = random
        self.witness = witness
        self.up = True
        self.wires: list[Wire] = []

    def kill(self) -> None:
        """Ends the process at once: nobody hears of it before its sessions break."""
        self.up = False
        for wire in self.wires:
            wire.die()
        self.wires.clear()

    def cut(self, notice_s: float, half: bool) -> None:
        """Breaks all sessions."""
        for wire in self.wires:
            wire.cut(notice_s, half)
        self.wires.clear()


class Connected:
    """A node's way to a process, as long as the node lives."""

    def __init__(self, process: Process, node: Side) -> None:
        self.address = process.address
        self._process = process
        self._node = node
        self._wires: list[Wire] = []
        self._down = False

    async def open(self, on_frames: OnFrames) -> Link:
        """Opens a session. Raises EndpointUnreachable while the process is down."""
        await asyncio.sleep(self._process.random.choice(DELAYS_S))
        if not self._process.up or self._down:
            raise EndpointUnreachable("connection refused")
        wire = Wire(self._process, on_frames, self._node)
        self._process.wires.append(wire)
        self._wires.append(wire)
        return wire

    def cut(self, notice_s: float) -> None:
        """Breaks the sessions of this node."""
        for wire in self._wires:
            wire.cut(notice_s, half=False)
        self._wires.clear()

    def vanish(self) -> None:
        """The node is gone."""
        self._down = True
        for wire in self._wires:
            wire.vanish()


class Wire:
    """One session."""

    def __init__(self, process: Process, on_frames: OnFrames, node: Side) -> None:
        self._process = process
        self._node = node
        self._on_frames = on_frames
        self._loop = asyncio.get_running_loop()
        self._broken = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self.dead = False
        self._started: dict[int, tuple[str, int]] = {}
        self._aborted: set[tuple[str, int]] = set()
        self._to_node: Direction[EndpointFrame] = Direction(process.random, self._hear, node.group)
        self._to_endpoint: Direction[NodeFrame] = Direction(process.random, self._tell, None)
        # It lives at the endpoint, whoever has opened it.
        self._session = outside().run(EndpointSession, process.endpoint, self._to_node.send)
        process.witness.sessions[self._session] = self

    def counts(self, id: str) -> bool:
        """Whether what is said here of an invocation, or an awakeable, still reaches the owner of its partition."""
        return not self.dead and not self._to_node.cut and not self._to_endpoint.cut and self._node.has(id)

    def has_aborted(self, invocation_id: str, attempt: int) -> bool:
        """Whether the node has given up an attempt here, which may not have heard of it yet."""
        return (invocation_id, attempt) in self._aborted

    def send(self, frame: NodeFrame) -> None:
        """From the node."""
        if frame.HasField("start"):
            self._started[frame.slot] = (frame.start.invocation_id, frame.start.attempt)
        elif frame.HasField("abort"):
            self._aborted.add(self._started[frame.slot])
        elif frame.HasField("grant"):
            self._node.grants(self._started[frame.slot][0])
        self._to_endpoint.send((frame,))

    async def closed(self) -> str:
        """Waits until the node notices that the session has broken."""
        await self._broken.wait()
        return "the session broke"

    async def close(self) -> None:
        """The node lets go of it; the endpoint notices later."""
        self._cut()
        self._later(self._process.random.choice(DELAYS_S), self._end_session)

    def stall(self, seconds: float) -> None:
        """Nothing arrives for a while, on either side."""
        self._to_endpoint.stall(seconds)
        self._to_node.stall(seconds)

    def cut(self, notice_s: float, half: bool) -> None:
        """Breaks: frames in flight are lost, of one direction or both, and each side notices in its own time."""
        random = self._process.random
        if half:
            if random.random() < 0.5:
                self._to_node.cut = True
            else:
                self._to_endpoint.cut = True
            self._later(notice_s, self._cut)
        else:
            self._cut()
        self._later(notice_s, self._broken.set)
        self._later(notice_s * random.choice((0, 1, 3)), self._end_session)

    def die(self) -> None:
        """The endpoint process is killed."""
        self.dead = True
        self._cut()
        self._end_session()
        self._later(self._process.random.choice(DELAYS_S), self._broken.set)

    def vanish(self) -> None:
        """The node is killed."""
        self._cut()
        self._broken.set()
        self._later(self._process.random.choice((0, 0.001, 0.05)), self._end_session)

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._loop.call_later(seconds, callback, context=outside())

    def _cut(self) -> None:
        self._to_node.cut = self._to_endpoint.cut = True

    def _end_session(self) -> None:
        if self._closing is None:
            self._closing = self._loop.create_task(self._session.close(), context=outside())

    def _tell(self, frames: list[NodeFrame]) -> None:
        for frame in frames:
            self._process.witness.note(f"{self._process.address} hears {frame.slot} {frame.WhichOneof('frame')}")
        self._session.receive(frames)

    def _hear(self, frames: list[EndpointFrame]) -> None:
        for frame in frames:
            self._process.witness.note(f"{self._process.address} says {frame.slot} {_what(frame)}")
            self._process.witness.happened["suspensions"] += frame.HasField("suspension")
        self._on_frames(frames)


def _what(frame: EndpointFrame) -> str:
    kind = frame.WhichOneof("frame")
    return f"{frame.entry.WhichOneof('entry')}" if kind == "entry" else str(kind)
