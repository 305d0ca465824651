"""A model of the node's side of one invocation: a journal, a state, and two wires that carry frames in order."""

from collections import deque
from collections.abc import Collection

from perdure.vm.machine import Machine
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, StateKeys
from perdure_protos.perdure.protocol.v1.session_pb2 import Accepted, Grant, NodeFrame, Start

from tests.partition.samples import completed, completion, signal, step_failed
from tests.vm.samples import CREATED_MS, cancellation, start, state_value


class Node:
    """What is journaled, and what is on its way.

    Attributes:
        open: Commands without a result, by ordinal, with their kind.
        commands: All commands so far.
        cancelled: Whether the invocation was cancelled.
        now_ms: Its clock, which may go back.
    """

    def __init__(self, lazy: Collection[str] = ()) -> None:
        """``lazy`` names of the state are never sent: they are read by commands."""
        self.journal: list[Entry] = []
        self.open: dict[int, str] = {}
        self.commands: list[Entry] = []
        self.state: dict[str, bytes] = {"balance": b"0"}
        self.cancelled = False
        self.now_ms = CREATED_MS
        self.to_node: deque[Entry] = deque()
        self.to_endpoint: deque[NodeFrame] = deque()
        self._lazy = lazy
        # Signals that came before their wait, by name.
        self._early: dict[str, deque[bytes]] = {}

    def start(self) -> Start:
        """Begins the next attempt: whatever was on its way is lost."""
        self.to_node.clear()
        self.to_endpoint.clear()
        for step in self._steps():
            self._grant(step)
        return start(*self.journal, state=eager(self.state, self._lazy), partial=bool(self._lazy))

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

    def cancel(self) -> None:
        """The invocation is cancelled."""
        self.cancelled = True
        entry = cancellation(self.now_ms)
        self.journal.append(entry)
        self.to_endpoint.append(NodeFrame(cancellation=entry.cancellation))

    def signal(self, name: str, value: bytes) -> None:
        """A signal comes: for the first wait for its name, or for a later one."""
        for command, kind in self.open.items():
            if kind == "await_signal" and self.commands[command].await_signal.name == name:
                self.outside(command, value)
                return
        self.journal.append(signal(name, value))
        self._early.setdefault(name, deque()).append(value)

    def _command(self, kind: str, entry: Entry) -> None:
        command = len(self.commands)
        self.commands.append(entry)
        self.journal.append(entry)
        if kind in ("set_state", "clear_state", "clear_all_state"):
            apply(self.state, entry)
            return
        self.open[command] = kind
        match kind:
            case "run":
                self._grant(command)
            case "send":
                self.outside(command, f"inv_{command}".encode())
            case "get_state":
                self.outside(command, state_value(self.state.get(entry.get_state.name)))
            case "get_state_keys":
                self.outside(command, StateKeys(names=sorted(self.state)).SerializeToString())
            case "await_signal" if self._early.get(entry.await_signal.name):
                self.outside(command, self._early[entry.await_signal.name].popleft())

    def _complete(self, command: int, reported: Completion) -> None:
        failed = reported.HasField("failure")
        self.journal.append(completed(command, self.now_ms, reported.failure if failed else reported.value))

    def _grant(self, command: int) -> None:
        self.to_endpoint.append(NodeFrame(grant=Grant(command=command)))

    def _steps(self) -> list[int]:
        return [command for command, kind in self.open.items() if kind == "run"]


def eager(state: dict[str, bytes], lazy: Collection[str]) -> dict[str, bytes]:
    """What of the state comes with an attempt."""
    return {name: value for name, value in state.items() if name not in lazy}


def apply(state: dict[str, bytes], entry: Entry) -> None:
    """Does to the state what a command says, if it is one on the state."""
    match entry.WhichOneof("entry"):
        case "set_state":
            state[entry.set_state.name] = entry.set_state.value
        case "clear_state":
            state.pop(entry.clear_state.name, None)
        case "clear_all_state":
            state.clear()


def deliver(machine: Machine, frame: NodeFrame) -> None:
    """Gives a frame to the machine, as the shell does. Raises ProtocolViolation."""
    match frame.WhichOneof("frame"):
        case "completion":
            machine.on_completion(frame.completion)
        case "accepted":
            machine.on_accepted(frame.accepted.command, frame.accepted.at_ms)
        case "cancellation":
            machine.on_cancellation(frame.cancellation)
        case _:
            machine.on_grant(frame.grant.command)
