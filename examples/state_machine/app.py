"""A durable state machine: a parcel, which moves only where there is a way."""

from collections.abc import Sequence

import perdure
from betterproto.lib.google.protobuf import Empty
from parcels.v1 import (
    GiveUpRequest,
    IllegalMove,
    MoveRequest,
    ParcelClient,
    ParcelContext,
    ParcelHandlers,
    ParcelSharedContext,
    Scan,
    Stage,
    Tracking,
    TrackRequest,
)

# The whole machine. There is no way back, so no parcel reaches a stage twice.
WAYS = {
    Stage.UNSPECIFIED: (Stage.POSTED,),
    Stage.POSTED: (Stage.IN_TRANSIT,),
    Stage.IN_TRANSIT: (Stage.AT_PICKUP, Stage.DELIVERED, Stage.RETURNED),
    Stage.AT_PICKUP: (Stage.DELIVERED, Stage.RETURNED),
    Stage.DELIVERED: (),
    Stage.RETURNED: (),
}


class Parcels(ParcelHandlers):
    """One move of a parcel at a time: two scanners that shout at once cannot both be right."""

    async def move(self, ctx: ParcelContext, request: MoveRequest) -> Tracking:
        scans = await ctx.state.scans.get()
        stage = stage_of(scans)
        if request.to not in WAYS[stage]:
            raise perdure.TerminalError(
                f"parcel {ctx.key} is {stage.name}: there is no way from there to {Stage(request.to).name}",
                code=perdure.StatusCode.FAILED_PRECONDITION,
                details=[IllegalMove(stage=stage, wanted=request.to, allowed=list(WAYS[stage]))],
            )
        scans.append(Scan(stage=request.to, at=ctx.now()))
        ctx.state.scans.set(scans)
        if request.to is Stage.AT_PICKUP:
            # A message to ourselves, later: a timer of the machine that needs no timer service.
            ParcelClient(ctx, ctx.key).give_up.send(GiveUpRequest(), delay=request.hold_for)
        return Tracking(stage=request.to, scans=scans)

    async def track(self, ctx: ParcelSharedContext, request: TrackRequest) -> Tracking:
        scans = await ctx.state.scans.get()
        return Tracking(stage=stage_of(scans), scans=scans)

    async def give_up(self, ctx: ParcelContext, request: GiveUpRequest) -> Empty:
        scans = await ctx.state.scans.get()
        if stage_of(scans) is Stage.AT_PICKUP:
            ctx.state.scans.set([*scans, Scan(stage=Stage.RETURNED, at=ctx.now())])
        return Empty()


def stage_of(scans: Sequence[Scan]) -> Stage:
    """Where a parcel is."""
    return Stage(scans[-1].stage) if scans else Stage.UNSPECIFIED


app = perdure.Endpoint(Parcels())
