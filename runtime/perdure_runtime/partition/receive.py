"""Messages between partitions: each is applied once, in the order in which it was sent."""

from typing import assert_never

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Acknowledge
from perdure_runtime.partition.entries.call import on_invoke
from perdure_runtime.partition.entries.invocation import on_ask
from perdure_runtime.partition.input import Acknowledged, Receive
from perdure_runtime.partition.lifecycle.callees import stop_waiting, take_result
from perdure_runtime.partition.lifecycle.cancel import on_cancel_call
from perdure_runtime.partition.lifecycle.complete import result_of
from perdure_runtime.partition.lifecycle.kill import on_kill_call
from perdure_runtime.partition.lifecycle.wire import caller_of
from perdure_runtime.partition.rows import Channel


def on_receive(draft: Draft, parcel: Receive) -> None:
    """Applies the message that is next; one that was there already, or that came too early, changes nothing.

    Whatever comes, the sender hears how far its messages have come: it may have missed it.
    """
    last = draft.received(parcel.source, parcel.destination)
    if parcel.seq == last + 1:
        last = parcel.seq
        draft.put_received(parcel.source, parcel.destination, last)
        _read(draft, parcel)
    draft.emit(Acknowledge(parcel.source, parcel.destination, last))


def on_acknowledged(draft: Draft, acknowledged: Acknowledged) -> None:
    """Forgets messages that have arrived. What is known already, and what cannot be, changes nothing."""
    source, destination, seq = acknowledged.source, acknowledged.destination, acknowledged.seq
    channel = draft.channel(source, destination)
    if not channel.acknowledged < seq <= channel.sent:
        return
    for arrived in range(channel.acknowledged + 1, seq + 1):
        draft.drop(source, destination, arrived)
    draft.put_channel(source, destination, Channel(channel.sent, seq))


def _read(draft: Draft, parcel: Receive) -> None:
    message = parcel.message
    kind = message.WhichOneof("message")
    match kind:
        case "invoke":
            on_invoke(draft, message.invoke)
        case "result":
            take_result(draft, caller_of(message.result.caller), result_of(message.result.outcome))
        case "cancel_call":
            on_cancel_call(draft, message.cancel_call)
        case "kill_call":
            on_kill_call(draft, message.kill_call.call)
        case "foreign_call":
            stop_waiting(draft, caller_of(message.foreign_call.caller))
        case "ask":
            on_ask(draft, parcel.destination, message.ask)
        case None:
            raise AssertionError(
                f"message {parcel.seq} from partition {parcel.source} to {parcel.destination} is of a kind that this "
                "perdure does not know: run the version on this node that the sender has"
            )
        case _:
            assert_never(kind)
