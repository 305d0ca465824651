"""What is known of a source that its marks do not tell."""

import json
from dataclasses import dataclass

# Of more messages that were left out the oldest are forgotten: whoever reads them again is stuck at them again.
MOST_SKIPPED = 1_000


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """Where one partition of a topic was begun, and which messages were left out, since they may be read once more."""

    begun: int
    skipped: tuple[int, ...] = ()

    @classmethod
    def read(cls, content: bytes | None) -> "TopicRecord | None":
        """As it was kept; None where it was not."""
        if content is None:
            return None
        known = json.loads(content)
        return cls(known["begun"], tuple(known["skipped"]))

    def content(self) -> bytes:
        """To be kept."""
        return json.dumps({"begun": self.begun, "skipped": self.skipped}).encode()

    def skipping(self, position: int) -> "TopicRecord":
        """A message is left out."""
        return TopicRecord(self.begun, tuple(sorted({*self.skipped, position}))[-MOST_SKIPPED:])


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """All times of a schedule up to ``since_ms`` are none of it: it was not there yet, or it was paused."""

    since_ms: int

    @classmethod
    def read(cls, content: bytes | None) -> "ScheduleRecord | None":
        """As it was kept; None where it was not."""
        return None if content is None else cls(json.loads(content)["since_ms"])

    def content(self) -> bytes:
        """To be kept."""
        return json.dumps({"since_ms": self.since_ms}).encode()
