"""One question to the admin API of a node, over gRPC."""

import asyncio
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from google.protobuf.message import Message
from grpclib.client import Channel
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError

SERVICE = "/perdure.admin.v1.AdminService"
# A node that registers an endpoint gives it some seconds to answer, and a query may take ten; this is longer.
TIMEOUT_S = 30.0

Res = TypeVar("Res", bound=Message)


class AdminRefused(Exception):
    """The node could not do it, or did not answer; the message says why and what to do.

    ``status`` is that of gRPC where a node has answered, None where none has.
    """

    def __init__(self, sentence: str, status: Status | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class Asking:
    """Asks one node. It connects for each question."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """``headers`` go with each question: the credentials, where the node wants some."""
        self._host = host
        self._port = port
        self._headers = dict(headers)
        self._tls = tls
        self._timeout_s = timeout_s

    async def ask(self, method: str, request: Message, response: type[Res]) -> Res:
        """Asks an rpc by its name, such as "ListServices". Raises AdminRefused."""
        channel = Channel(self._host, self._port, ssl=self._tls)
        path = f"{SERVICE}/{method}"
        stream = channel.request(path, Cardinality.UNARY_UNARY, type(request), response, metadata=self._headers)
        try:
            async with asyncio.timeout(self._timeout_s), stream:
                await stream.send_message(request, end=True)
                answer = await stream.recv_message()
        except GRPCError as error:
            raise AdminRefused(error.message or error.status.name, error.status) from error
        except Exception as error:
            # What listens there may be anything, and answer anything.
            raise AdminRefused(self._no_answer(error)) from error
        finally:
            channel.close()
        if answer is None:
            raise AdminRefused(f"{self._host}:{self._port} gave no answer to {method}: is it the admin API of a node?")
        return answer

    def _no_answer(self, error: Exception) -> str:
        if isinstance(error, ConnectionRefusedError):
            reason = "nobody listens there"
        elif isinstance(error, TimeoutError):
            reason = f"it has not answered within {self._timeout_s:g} s"
        else:
            reason = str(error) or type(error).__name__
        return (
            f"no perdure node answers at {self._host}:{self._port}: {reason}; start one with `perdure up`, or name the "
            "one that runs with --admin HOST:PORT"
        )
