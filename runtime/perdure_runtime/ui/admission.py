"""Coming in, where the node asks who people are. What each may do is decided where the rpcs are answered."""

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.guard import API_KEY, Guard, Unauthenticated


class ByGuard:
    """Implements ``Login`` by the guard of the node."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def check(self, credential: str) -> None:
        """Takes an API key or a token. Raises Refusal where it is none, with what to do."""
        try:
            self._guard.authenticate([(API_KEY, credential.encode("latin-1", "replace"))])
        except Unauthenticated as error:
            raise Refusal(Status.UNAUTHENTICATED, str(error)) from error
