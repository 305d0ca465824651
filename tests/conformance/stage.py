"""Where handlers of the suite meet the test that looks on: it reads what they tell, and answers what they ask.

A scene is what one test looks at; its name goes to the handlers with the request. Nothing here sleeps: tests wait for
lines, handlers for answers.
"""

import json
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TIMEOUT_S = 20.0


@dataclass
class _Scene:
    lines: list[str] = field(default_factory=list)
    answers: dict[str, deque[str]] = field(default_factory=dict)
    always: dict[str, str] = field(default_factory=dict)


class Stage:
    """What is told and asked in all scenes.

    Attributes:
        address: "host:port" where handlers speak.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._changed = threading.Condition()
        self._scenes: dict[str, _Scene] = {}
        self._closed = False

    def lines(self, scene: str) -> list[str]:
        """What was told and asked so far."""
        with self._changed:
            return list(self._scene(scene).lines)

    def wait_for(self, scene: str, count: int = 1) -> list[str]:
        """Waits until so many lines were told or asked, and gives all."""
        with self._changed:
            lines = self._scene(scene).lines
            if not self._changed.wait_for(lambda: len(lines) >= count, TIMEOUT_S):
                raise TimeoutError(f"scene {scene} has {len(lines)} lines after {TIMEOUT_S:g} s, not {count}: {lines}")
            return list(lines)

    def wait_for_line(self, scene: str, line: str, times: int = 1) -> None:
        """Waits until a line was told or asked so many times."""
        with self._changed:
            lines = self._scene(scene).lines
            if not self._changed.wait_for(lambda: lines.count(line) >= times, TIMEOUT_S):
                raise TimeoutError(f"scene {scene} has no {times} x {line!r} after {TIMEOUT_S:g} s: {lines}")

    def answer(self, scene: str, question: str, *answers: str) -> None:
        """Answers a question, as many times as there are answers; asked again, it waits for more."""
        with self._changed:
            self._scene(scene).answers.setdefault(question, deque()).extend(answers)
            self._changed.notify_all()

    def answer_always(self, scene: str, question: str, answer: str) -> None:
        """Answers a question in the same way whenever it is asked and nothing else is said."""
        with self._changed:
            self._scene(scene).always[question] = answer
            self._changed.notify_all()

    def close(self) -> None:
        """Leaves all questions without an answer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def hear(self, scene: str, line: str, asks: bool, is_there: Callable[[], bool]) -> str | None:
        """Takes in a line, and where it asks waits for the answer; None when there is nobody left to answer."""
        with self._changed:
            here = self._scene(scene)
            here.lines.append(line)
            self._changed.notify_all()
            if not asks:
                return ""
            self._changed.wait_for(lambda: self._closed or here.answers.get(line) or line in here.always)
            # An attempt that was stopped while it asked must not take the answer from the next one.
            if self._closed or not is_there():
                return None
            waiting = here.answers.get(line)
            return waiting.popleft() if waiting else here.always[line]

    def _scene(self, name: str) -> _Scene:
        return self._scenes.setdefault(name, _Scene())


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage that listens on a loopback port of its own."""

    class Listener(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            said = json.loads(self.rfile.readline())
            answer = stage.hear(said["scene"], said["line"], said.get("asks", False), self.is_there)
            if answer is not None:
                self.wfile.write(json.dumps(answer).encode() + b"\n")

        def is_there(self) -> bool:
            """Whether the handler still waits for an answer."""
            try:
                peeked: bytes = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
                return peeked != b""
            except BlockingIOError:
                return True
            except OSError:
                return False

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A handler that was stopped while it asked has gone: nobody reads the answer."""

    with Server(("127.0.0.1", 0), Listener) as server:
        stage = Stage(f"127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield stage
        finally:
            stage.close()
            server.shutdown()
            thread.join()
