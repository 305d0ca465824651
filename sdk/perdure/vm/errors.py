"""What can be wrong between a handler and its journal. Pure, as all of this package."""


class PerdureError(Exception):
    """Base of all errors that perdure raises."""


class JournalMismatch(PerdureError):
    """The handler did not repeat what its journal says.

    The invocation pauses with its journal intact.

    Attributes:
        index: Position in the journal, from 0.
        recorded: What the journal says.
        replayed: What the handler did this time.
        help: What to do.
    """

    def __init__(self, *, index: int, recorded: str, replayed: str, help: str) -> None:
        super().__init__(
            f"journal mismatch at entry {index}: the journal says {recorded}, the handler did {replayed}; {help}"
        )
        self.index = index
        self.recorded = recorded
        self.replayed = replayed
        self.help = help


class ProtocolViolation(PerdureError):
    """The runtime sent a frame that makes no sense at this point: a bug in perdure, or a wrong version of a peer."""
