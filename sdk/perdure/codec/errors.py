"""What can be wrong with messages and their bytes."""

from perdure.vm.errors import PerdureError


class MalformedMessage(PerdureError):
    """Bytes or JSON that are not the message that they should be; the text says why."""


class UnencodableMessage(PerdureError):
    """A message holds a value that its contract does not allow; the text says where, and why.

    Attributes:
        path: The way to the value, from the outermost message: ``["kinds.v1.Tree", "others", "[1]", "name"]``.
        reason: What is wrong with it.
    """

    def __init__(self, path: list[str], reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        first, *others = self.path
        steps = (step if step.startswith("[") else f".{step}" for step in others)
        return f"{first}{''.join(steps)} {self.reason}"
