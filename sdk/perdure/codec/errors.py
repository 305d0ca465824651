"""What can be wrong with messages and their bytes."""

from perdure.vm.errors import PerdureError


class MalformedMessage(PerdureError):
    """Bytes or JSON that are not the message that they should be; the text says why."""


class UnencodableMessage(PerdureError):
    """A message holds a value that its contract does not allow; the text names message, field and value."""
