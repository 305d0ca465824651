"""Where a step stands in one attempt: the side effect needs a grant, and its result a place in the journal."""

from dataclasses import dataclass
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion

from perdure.vm.replay import Failures


@dataclass(frozen=True, slots=True)
class Granted:
    """The runtime let it start before the handler came to it again."""


@dataclass(frozen=True, slots=True)
class Requested:
    """The handler asked for it; it starts when the runtime grants it."""


@dataclass(frozen=True, slots=True)
class Executing:
    """Its function runs, or waits to be tried again.

    Attributes:
        failures: Those of earlier attempts included.
    """

    failures: Failures


@dataclass(frozen=True, slots=True)
class Reported:
    """The runtime was told its result; the handler sees it when the journal has it."""

    completion: Completion


Step: TypeAlias = Granted | Requested | Executing | Reported
