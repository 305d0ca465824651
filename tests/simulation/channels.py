"""The messages between partitions: each stands in an outbox until it was applied, once and in its order."""

from collections import defaultdict

from perdure_protos.perdure.peer.v1.message_pb2 import Call, Message
from perdure_runtime.partition.rows import Cancel, Channel, Ended, Invocation
from perdure_runtime.partition.writes import Writes

from tests.simulation.databases import Databases
from tests.simulation.witness import Witness

ORDER = "messages are applied once and in order"
KEPT = "messages are kept until they were applied"
HEEDED = "messages do what they say"


class Channels:
    """Follows the commits of all nodes. A channel is named by source and destination."""

    def __init__(self, witness: Witness, rows: Databases) -> None:
        self._witness = witness
        self._rows = rows
        # What was sent, by number.
        self._sent: dict[tuple[int, int], dict[int, Message]] = defaultdict(dict)
        self._arrived: dict[tuple[int, int], int] = defaultdict(int)

    def keep(self, writes: Writes) -> None:
        """A batch has become durable."""
        for id in sorted(writes.inserted):
            self._look_at_new(writes, writes.invocations[id])
        for (source, destination, seq), message in writes.outbox.items():
            if message is None:
                self._forget((source, destination), seq)
            else:
                self._send((source, destination), seq, message)
        for way, channel in writes.channels.items():
            self._look_at_channel(way, channel)
        for way, seq in writes.received.items():
            self._arrive(way, seq)

    def look_for_rest(self) -> None:
        """When the world is quiet, all has arrived, and everybody knows."""
        rows, check = self._rows, self._witness.check
        check(KEPT, not rows.outbox, f"messages stand in the outbox: {list(rows.outbox)}")
        for way, channel in rows.channels.items():
            received = rows.received.get(way, 0)
            idle = channel.sent == channel.acknowledged == received
            check("channels are idle at the end", idle, f"of {way} {channel}, and {received} have arrived")

    def _look_at_new(self, writes: Writes, row: Invocation) -> None:
        """What a handler elsewhere calls is made by a message, while others are on their way there."""
        of_invocation = self._rows.placement.of_invocation
        if row.caller is None or of_invocation(row.caller.invocation_id) == of_invocation(row.id):
            return
        way = (of_invocation(row.caller.invocation_id), of_invocation(row.id))
        came = way in writes.received or way in writes.channels
        idle = self._arrived[way] == len(self._sent[way])
        self._witness.check("messages are not overtaken", came or idle, f"{row.id} came before messages of {way}")

    def _send(self, way: tuple[int, int], seq: int, message: Message) -> None:
        self._witness.happened[f"messages between partitions: {message.WhichOneof('message')}"] += 1
        sent = self._sent[way]
        last = len(sent)
        self._witness.check(ORDER, seq == last + 1, f"message {seq} of {way} was sent after {last}")
        sent[seq] = Message.FromString(message.SerializeToString())

    def _forget(self, way: tuple[int, int], seq: int) -> None:
        arrived = self._arrived[way]
        self._witness.check(KEPT, seq <= arrived, f"message {seq} of {way} was forgotten, {arrived} have arrived")

    def _look_at_channel(self, way: tuple[int, int], channel: Channel) -> None:
        sent = len(self._sent[way])
        self._witness.check(KEPT, channel.sent == sent, f"{way} says {channel}, {sent} stood in its outbox")

    def _arrive(self, way: tuple[int, int], seq: int) -> None:
        last, sent = self._arrived[way], self._sent[way]
        self._witness.check(ORDER, last < seq, f"message {seq} of {way} was applied after {last}")
        is_durable = seq <= len(sent)
        self._witness.check(
            "messages are durable before they are applied", is_durable, f"{seq} of {way}, only {len(sent)} were sent"
        )
        self._arrived[way] = seq
        for number in range(last + 1, min(seq, len(sent)) + 1):
            self._look_at_effect(sent[number])

    def _look_at_effect(self, message: Message) -> None:
        """What is to end does so, if it is what the call has made."""
        match message.WhichOneof("message"):
            case "cancel_call":
                row = self._made(message.cancel_call.call)
                heeded = row is None or row.cancel is not Cancel.NONE
            case "kill_call":
                heeded = self._made(message.kill_call.call) is None
            case _:
                return
        self._witness.check(HEEDED, heeded, f"{message} has arrived, and what it is about goes on")

    def _made(self, call: Call) -> Invocation | None:
        """What a call has made, where it has not ended."""
        row = self._rows.invocations.get(call.new_id)
        if row is None or row.caller is None or isinstance(row.status, Ended):
            return None
        caller = (row.caller.invocation_id, row.caller.command)
        return row if caller == (call.caller.invocation_id, call.caller.command) else None
