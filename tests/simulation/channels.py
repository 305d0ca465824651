"""The messages between partitions: each stands in an outbox until it was applied, once and in its order."""

from perdure_runtime.partition.writes import Writes

from tests.simulation.databases import Databases
from tests.simulation.witness import Witness

ORDER = "messages are applied once and in order"
KEPT = "messages are kept until they were applied"


class Channels:
    """Follows the commits of all nodes. A channel is named by source and destination."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._sent: dict[tuple[int, int], int] = {}
        self._arrived: dict[tuple[int, int], int] = {}

    def keep(self, writes: Writes) -> None:
        """A batch has become durable."""
        check = self._witness.check
        for (source, destination, seq), message in writes.outbox.items():
            way = (source, destination)
            if message is None:
                arrived = self._arrived.get(way, 0)
                check(KEPT, seq <= arrived, f"message {seq} of {way} was forgotten, {arrived} have arrived")
            else:
                self._witness.happened["messages between partitions"] += 1
                last = self._sent.get(way, 0)
                check(ORDER, seq == last + 1, f"message {seq} of {way} was sent after {last}")
                self._sent[way] = seq
        for way, channel in writes.channels.items():
            sent = self._sent.get(way, 0)
            # A message that came and went within one batch, from one partition here to another, was never seen.
            self._sent[way] = max(sent, channel.sent)
        for way, seq in writes.received.items():
            last, sent = self._arrived.get(way, 0), self._sent.get(way, 0)
            check(ORDER, last < seq, f"message {seq} of {way} was applied after {last}")
            check("messages are durable before they are applied", seq <= sent, f"{seq} of {way}, only {sent} were sent")
            self._arrived[way] = seq

    def look_for_rest(self, rows: Databases) -> None:
        """When the world is quiet, all has arrived, and everybody knows."""
        check = self._witness.check
        check(KEPT, not rows.outbox, f"messages stand in the outbox: {list(rows.outbox)}")
        for way, channel in rows.channels.items():
            received = rows.received.get(way, 0)
            idle = channel.sent == channel.acknowledged == received
            check("channels are idle at the end", idle, f"of {way} {channel}, and {received} have arrived")
