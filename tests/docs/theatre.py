"""Runs a page: its handlers on a node in this process, its callers and commands against them."""

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import assert_never

from perdure import Endpoint
from perdure.session import EndpointSession
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node.node import Node
from perdure_runtime.storage.memory import MemoryStorage

from tests.docs.page import Code, Commands, Heard, Page, Program, pattern_of

TIMEOUT_S = 30.0


@dataclass
class Theatre:
    """A node that serves the handlers of a page.

    Attributes:
        names: What the programs outside have assigned; its texts are variables of the shell too.
        heard: What the handlers have printed and no block has told yet.
    """

    page: Page
    ingress: str
    admin: str
    heard: io.StringIO
    names: dict[str, object] = field(default_factory=dict)

    async def play(self) -> None:
        """Runs all that the page does, and checks that it prints what the page says."""
        for act in self.page.acts:
            match act:
                case Program(code, prints):
                    self._check(code.line, await asyncio.wait_for(self._run(code), TIMEOUT_S), prints)
                case Commands(line, text, prints):
                    said = await asyncio.wait_for(self._shell(line, text), TIMEOUT_S)
                    if prints is not None:
                        self._check(line, said, prints)
                case Heard(line, text):
                    self._check(line, self.heard.getvalue(), text)
                    self.heard.seek(0)
                    self.heard.truncate()
                case _:
                    assert_never(act)

    async def _run(self, code: Code) -> str:
        said: list[str] = []
        self.names["print"] = lambda *values: said.append(" ".join(map(str, values)))
        here = replace(code, text=code.text.replace("localhost:8080", self.ingress))
        program = FunctionType(here.compiled(), self.names)  # type: ignore[arg-type]  # compile() gives a code object
        # A blocking client must not run in an event loop.
        blocks = "perdure.SyncClient(" in code.text
        result = await asyncio.to_thread(program) if blocks else program()
        if isinstance(result, Coroutine):
            await result
        return "\n".join(said)

    async def _shell(self, line: int, text: str) -> str:
        perdure = f'perdure() {{ "{sys.executable}" -m perdure_runtime.cli "$@" --admin {self.admin}; }}\n'
        shell = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            perdure + text.replace("curl ", "curl -sS ").replace("localhost:8080", self.ingress),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **{name: value for name, value in self.names.items() if isinstance(value, str)}},
        )
        try:
            said, _ = await shell.communicate()
        finally:
            if shell.returncode is None:
                shell.kill()
        assert shell.returncode == 0, f"{self.page.path}:{line}: {said.decode()}"
        return said.decode()

    def _check(self, line: int, said: str, expected: str) -> None:
        where = f"{self.page.path}:{line}"
        assert pattern_of(expected).fullmatch(said.strip()), f"{where} says\n{expected}\nbut here it is\n{said}"


@asynccontextmanager
async def theatre(page: Page, *, always_replay: bool) -> AsyncIterator[Theatre]:
    """Serves a page; with ``always_replay`` its handlers leave memory wherever they wait, and replay."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        endpoint = load(page)
        contracts = Contracts.discovered(endpoint.discovery())
        node = Node(MemoryStorage())
        await node.start()
        node.invoker.add(
            LocalTransport(lambda send: EndpointSession(endpoint, send)),
            impatient(contracts) if always_replay else contracts,
        )
        ingress, admin = (
            Ingress(node.router, "127.0.0.1", 0),
            AdminServer(AdminService(node.administration), "127.0.0.1", 0),
        )
        await ingress.start()
        await admin.start()
        try:
            yield Theatre(page, f"127.0.0.1:{ingress.port}", f"127.0.0.1:{admin.port}", heard)
        finally:
            await asyncio.gather(ingress.close(0), admin.close(0))
            await node.close()
            del sys.modules["app"]


def impatient(contracts: Contracts) -> Contracts:
    """The same contracts, whose handlers are suspended as soon as they wait."""
    return Contracts(
        replace(
            service,
            handlers={
                name: replace(handler, execution=replace(handler.execution, inactivity_timeout_ms=0))
                for name, handler in service.handlers.items()
            },
        )
        for service in contracts.values()
    )


def load(page: Page) -> Endpoint:
    """The endpoint of the page's module ``app``, which programs outside can import from while it is run."""
    module = ModuleType("app")
    sys.modules["app"] = module
    for code in page.app:
        exec(code.compiled(), module.__dict__)  # type: ignore[arg-type]  # compile() gives a code object
    endpoint: object = module.__dict__["app"]
    assert isinstance(endpoint, Endpoint)
    return endpoint


def write_contracts(pages: list[Page], directory: Path) -> None:
    """Puts the contract of each page into a file named after its package."""
    directory.mkdir(parents=True)
    for page in pages:
        if page.contract:
            (directory / f"{page.path.stem}.proto").write_text(page.contract, encoding="utf-8")
