"""The statuses of an invocation as pages show them: a word, and a tone that the stylesheet colours."""

from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.invocations_pb2 import Invocation


@dataclass(frozen=True, slots=True)
class Status:
    """A status by its ``name`` in filters; ``word`` is for people."""

    name: str
    word: str

    @property
    def tone(self) -> str:
        """Its class in the stylesheet."""
        return f"is-{self.name.replace('_', '-')}"


OPEN = tuple(
    Status(name, name.replace("_", " "))
    for name in ("scheduled", "queued", "running", "suspended", "backing_off", "paused")
)
ENDINGS = tuple(Status(name, name) for name in ("succeeded", "failed", "cancelled"))
ALL = {each.name: each for each in (*OPEN, *ENDINGS)}
# The code of a terminal error that a cancelled invocation ends with.
CANCELLED = 1


def status_of(invocation: Invocation) -> Status:
    """The status of an invocation; how it has ended, where it has."""
    if invocation.status != "ended":
        return named(invocation.status)
    if not invocation.HasField("error"):
        return ALL["succeeded"]
    return ALL["cancelled" if invocation.error.code == CANCELLED else "failed"]


def named(name: str) -> Status:
    """A status by its name; newer nodes may have more."""
    return ALL.get(name) or Status(name, name.replace("_", " "))
