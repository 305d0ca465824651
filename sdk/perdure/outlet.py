"""What an attempt has from the session that it runs in."""

from typing import Protocol

from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame

from perdure.threads import StepThreads


class Outlet(Protocol):
    """Where an attempt sends its frames, and what it shares with others.

    Attributes:
        step_threads: Functions of steps that run in threads, those that earlier attempts have left among them.
    """

    step_threads: StepThreads

    def emit(self, frame: EndpointFrame) -> None:
        """Queues a frame for the node."""

    def forget(self, slot: int) -> None:
        """The attempt of this slot has said its last word."""
