"""Forms that people send: fields by name, from a body of urlencoded pairs."""

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

# As much as a call may carry, and the escapes of it.
LONGEST_BODY = 16 * 1024 * 1024
MOST_FIELDS = 10_000


class Form:
    """The fields of a form or of a query, in order; names may stand there more than once."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = list(pairs)

    def __contains__(self, name: str) -> bool:
        return any(each == name for each, _ in self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def text(self, name: str, otherwise: str = "") -> str:
        """The last value of a field."""
        return next((value for each, value in reversed(self._pairs) if each == name), otherwise)

    def line(self, name: str) -> str:
        """The last value of a field, without the blanks around it that come with copying."""
        return self.text(name).strip()

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for each, value in self._pairs if each == name]

    def whole(self, name: str, otherwise: int = 0) -> int:
        """The value of a field as a whole number; an empty one is ``otherwise``. Raises Refusal."""
        written = self.line(name)
        if not written:
            return otherwise
        if not (written.isascii() and written.isdigit() and len(written) < 19):
            raise Refusal(Status.INVALID_ARGUMENT, f"{name} is {written[:40]!r}; write a whole number from 0")
        return int(written)


def parse_form(body: bytes) -> Form:
    """The fields in a body. Raises Refusal."""
    if len(body) > LONGEST_BODY:
        raise Refusal(Status.INVALID_ARGUMENT, f"the form has {len(body)} bytes; it can have {LONGEST_BODY}")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"the form cannot be read: {error}") from error
    # Browsers end lines with CR LF in forms; nobody means the CR.
    return Form((name, value.replace("\r\n", "\n")) for name, value in pairs)
