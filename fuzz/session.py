"""The session protocol, from both sides: what an endpoint may say to a node, and what a node may say to an endpoint."""

import asyncio
from collections.abc import Callable

from google.protobuf.message import DecodeError
from perdure import Endpoint
from perdure.session import EndpointSession
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    DiscoverResponse,
    EndpointFrame,
    EndpointFrames,
    NodeFrame,
    NodeFrames,
    Start,
)
from perdure_runtime.contracts import ContractError, Contracts

from fuzz.dice import Dice
from fuzz.ground import Ground
from tests.node.node_room import ORDER, SERVICES, SIGNUP, Room, contract_bytes, settle
from tests.sdk.contract import PACKAGE, endpoint

KINDS = ("entry", "entry", "entry", "entry", "outcome", "suspension", "attempt_failure")
HANDLERS = ("Story/Do", "Story/Nothing", "Nobody/Do")


def to_node(ground: Ground) -> Callable[[bytes], None]:
    """An endpoint that says anything about the attempts that it was given, to a real node."""

    def one(data: bytes) -> None:
        ground.run(_talk(Dice(data)))
        ground.check()

    return one


async def _talk(dice: Dice) -> None:
    room = Room()
    await room.start()
    try:
        for submission in (ORDER, SIGNUP):
            await room.node.router.submit(submission)
        await settle()
        for _ in range(1 + dice.below(12)):
            if dice.yes(16):
                room.now_ms += dice.choice((1, 1_000, 86_400_000))
            _say(dice, room)
            await asyncio.sleep(0)
        await settle()
    finally:
        await room.node.close()


def _say(dice: Dice, room: Room) -> None:
    if dice.yes(16):
        try:
            frames = EndpointFrames.FromString(dice.raw())
        except DecodeError:
            return  # The transport refuses it.
        room.link.answer(frames.frames)
        return
    frame = dice.message(EndpointFrame)
    frame.slot = 1 + dice.below(4)
    kind = dice.choice(KINDS)
    part = getattr(frame, kind)
    part.SetInParent()
    dice.fill(part, 1)
    if kind == "entry" and frame.entry.WhichOneof("entry") is None:
        frame.entry.run.name = dice.text()
    room.link.answer([frame])


def to_endpoint(ground: Ground) -> Callable[[bytes], None]:
    """A node that says anything to a real endpoint."""
    served = ground.run(_served())

    async def talk(dice: Dice) -> None:
        session = EndpointSession(served, lambda frames: None)
        try:
            for _ in range(1 + dice.below(10)):
                session.receive(_frames(dice))
                await asyncio.sleep(0)
            await settle()
        finally:
            await session.close()

    def one(data: bytes) -> None:
        ground.run(talk(Dice(data)))
        ground.check()

    return one


async def _served() -> Endpoint:
    return endpoint()


def _frames(dice: Dice) -> list[NodeFrame]:
    if dice.yes(16):
        try:
            return list(NodeFrames.FromString(dice.raw()).frames)
        except DecodeError:
            return []  # The transport refuses it.
    frame = dice.message(NodeFrame)
    frame.slot = 1 + dice.below(3)
    if dice.yes():
        start = dice.message(Start, 1)
        service, _, handler = dice.choice(HANDLERS).partition("/")
        start.target.service, start.target.handler = f"{PACKAGE}.{service}", handler
        start.inactivity_timeout_ms = 3_600_000
        frame.start.CopyFrom(start)
    return [frame]


def discovery(ground: Ground) -> Callable[[bytes], None]:
    """What an endpoint says that it serves, when it is registered."""
    known = contract_bytes()

    def one(data: bytes) -> None:
        dice = Dice(data)
        descriptors = bytearray(known)
        for _ in range(dice.below(12)):
            at = dice.below(65_536) % len(descriptors)
            if dice.yes(4):
                del descriptors[at : at + dice.below(8)]
            else:
                descriptors[at] = dice.byte()
        names = [*SERVICES[: dice.below(4)], *dice.many(2, dice.text)]
        try:
            Contracts.discovered(DiscoverResponse(descriptors=bytes(descriptors), services=names))
        except ContractError:
            return  # It is refused, with a sentence.

    return one
