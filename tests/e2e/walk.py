"""A guide for operators, walked through chapter by chapter: its commands run in a shell, against real processes."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from examples.demo.processes import ROOT, Service, free_port
from tests.cli.terminal import in_terminal
from tests.docs.page import Commands, pattern_of, read_page

TIMEOUT_S = 60.0
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
COLUMN = re.compile(r"(?<=\S) {2,}")
# What tells a terminal to move or to colour.
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PERDURE = f'perdure() {{ "{sys.executable}" -m perdure_runtime.cli "$@"; }}\n'


class Walk:
    """A node, endpoints beside it, and the operator who reads the page.

    Attributes:
        names: Variables of the shell that the reader sets, such as the id that a command has shown.
    """

    def __init__(self, page: Path, directory: Path) -> None:
        self._page, self._directory = page, directory
        self._acts = [act for act in read_page(page).acts if isinstance(act, Commands)]
        ingress, admin = free_port(), free_port()
        self.ingress, self.admin = f"127.0.0.1:{ingress}", f"127.0.0.1:{admin}"
        self.names = {"PERDURE_ADMIN": self.admin, "PERDURE_INGRESS": self.ingress}
        self._real = {"localhost:8080": self.ingress}
        arguments = ["up", "--data", str(directory / "data"), "--ingress", self.ingress, "--admin", self.admin]
        self._services = [Service("node", arguments, ingress, directory / "node.log")]

    def start(self) -> None:
        """The node runs."""
        self._services[0].start()

    def serve(self, written: str, app: str, environment: Mapping[str, str] | None = None) -> str:
        """Starts an endpoint at what the page writes for its address; gives where it really is."""
        port = free_port()
        self._real[written] = f"127.0.0.1:{port}"
        arguments = ["serve", app, "--listen", self._real[written]]
        log = self._directory / f"{written}.log"
        service = Service(written, arguments, port, log, dict(environment or {}))
        self._services.append(service)
        service.start()
        return self._real[written]

    def perdure(self, *arguments: str) -> str:
        """What the command prints, for what the page does not show."""
        return self._shell("perdure " + shlex.join(arguments))

    def read(self, heading: str, *, begin: int = 0) -> None:
        """Runs the commands of a chapter, and checks what they print."""
        for act in self._chapter(heading)[begin:]:
            self._check(act, self._shell(act.text))

    def watch(self, heading: str) -> str:
        """Runs the first command of a chapter in a terminal, checks its last line, and gives all that one sees."""
        act = self._chapter(heading)[0]
        _, *arguments = shlex.split(act.text)
        shown = in_terminal(100, *arguments, environment=self.names)
        self._check(act, SEQUENCE.sub("", shown.splitlines()[-1]))
        return shown

    def stop(self) -> None:
        """Ends all processes."""
        for service in reversed(self._services):
            service.stop()

    def _chapter(self, heading: str) -> list[Commands]:
        text = self._page.read_text(encoding="utf-8")
        starts = {found[1]: text[: found.start()].count("\n") for found in HEADING.finditer(text)}
        first = starts[heading]
        last = min((line for line in starts.values() if line > first), default=text.count("\n"))
        return [act for act in self._acts if first < act.line < last]

    def _shell(self, text: str) -> str:
        for written, real in self._real.items():
            text = text.replace(written, real)
        ran = subprocess.run(
            ["sh", "-c", PERDURE + text.replace("curl ", "curl -sS -w '\\n' ")],
            cwd=ROOT,
            env={**os.environ, **self.names},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert ran.returncode == 0, f"{text}\n{ran.stdout}"
        said = ran.stdout
        for written, real in self._real.items():
            said = said.replace(real, written)
        return said

    def _check(self, act: Commands, said: str) -> None:
        if act.prints is not None:
            where = f"{self._page}:{act.line}"
            matches = pattern_of(_narrow(act.prints)).fullmatch(_narrow(said))
            assert matches, f"{where} says\n{act.prints}\nbut here it is\n{said}"


def _narrow(text: str) -> str:
    """A text whose columns, which are as wide as the widest in them, have the least distance."""
    return COLUMN.sub("  ", "\n".join(line.rstrip() for line in text.strip().splitlines()))


@contextmanager
def walk(page: Path, directory: Path) -> Iterator[Walk]:
    """A walk whose node runs."""
    there = Walk(page, directory)
    try:
        there.start()
        yield there
    finally:
        there.stop()
