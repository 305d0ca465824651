"""A model of the node's side of one invocation: a journal, a state, and two wires that carry frames in order."""

from collections import deque

from perdure.vm.machine import Machine
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure
from perdure_protos.perdure.protocol.v1.session_pb2 import Accepted, Grant, NodeFrame, Start

from tests.partition.samples import completed, completion, step_failed
from tests.vm.samples import CREATED_MS, start


class Node:
    """What is journaled, and what is on its way.

    Attributes:
        open: Commands without a result, by ordinal, with their kind.
        now_ms: Its clock, which may go back.
    """

    def __init__(self) -> None:
        self.journal: list[Entry] = []
        self.open: dict[int, str] = {}
        self.state: dict[str, bytes] = {"balance": b"0"}
        self.now_ms = CREATED_MS
        self.to_node: deque[Entry] = deque()
        self.to_endpoint: deque[NodeFrame] = deque()
        self._commands = 0

    def start(self) -> Start:
        """Begins the next attempt: whatever was on its way is lost."""
        self.to_node.clear()
        self.to_endpoint.clear()
        for step in self._steps():
            self._grant(step)
        return start(*self.journal, state=self.state)

    def take(self) -> None:
        """Takes in one entry from the endpoint."""
        entry = self.to_node.popleft()
        match entry.WhichOneof("entry"):
            case "completion":
                command = entry.completion.command
                assert self.open.pop(command) == "run"
                self._complete(command, entry.completion)
                accepted = Accepted(command=command, at_ms=self.now_ms)
                self.to_endpoint.append(NodeFrame(accepted=accepted))
            case "step_failure":
                assert self.open[entry.step_failure.command] == "run"
                self.journal.append(step_failed(entry.step_failure.command, self.now_ms, "timeout"))
            case kind:
                assert kind is not None
                self._command(kind, entry)

    def outside(self, command: int, result: bytes | Failure) -> None:
        """A call or sleep has its result."""
        del self.open[command]
        self._complete(command, completion(command, 0, result))
        self.to_endpoint.append(NodeFrame(completion=completion(command, self.now_ms, result)))

    def _command(self, kind: str, entry: Entry) -> None:
        command = self._commands
        self._commands += 1
        self.journal.append(entry)
        match kind:
            case "set_state":
                self.state[entry.set_state.name] = entry.set_state.value
            case "clear_state":
                self.state.pop(entry.clear_state.name, None)
            case _:
                self.open[command] = kind
                if kind == "run":
                    self._grant(command)
                elif kind == "send":
                    self.outside(command, f"inv_{command}".encode())

    def _complete(self, command: int, reported: Completion) -> None:
        failed = reported.HasField("failure")
        self.journal.append(completed(command, self.now_ms, reported.failure if failed else reported.value))

    def _grant(self, command: int) -> None:
        self.to_endpoint.append(NodeFrame(grant=Grant(command=command)))

    def _steps(self) -> list[int]:
        return [command for command, kind in self.open.items() if kind == "run"]


def deliver(machine: Machine, frame: NodeFrame) -> None:
    """Gives a frame to the machine, as the shell does. Raises ProtocolViolation."""
    match frame.WhichOneof("frame"):
        case "completion":
            machine.on_completion(frame.completion)
        case "accepted":
            machine.on_accepted(frame.accepted.command, frame.accepted.at_ms)
        case _:
            machine.on_grant(frame.grant.command)
