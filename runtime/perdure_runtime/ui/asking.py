"""The admin API in this process: no connection to oneself, no second serialisation."""

from collections.abc import Mapping

from google.protobuf.message import Message

from perdure_runtime.admin.rpc import Rpc
from perdure_runtime.ui.port import Answer


class InProcess:
    """Implements ``AdminApi``."""

    def __init__(self, rpcs: Mapping[str, Rpc]) -> None:
        """``rpcs`` are those of AdminService, by name."""
        self._rpcs = rpcs

    async def ask(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Asks an rpc by its name in the contract. Raises Refusal, and TypeError where it answers something else."""
        answer = await self._rpcs[method].answer(request)
        if not isinstance(answer, answer_type):
            raise TypeError(f"{method} answers with {type(answer).__name__}, not with {answer_type.__name__}")
        return answer
