"""Logging from handlers: each line says whose it is, and a replay logs nothing twice."""

import logging
from collections.abc import MutableMapping
from typing import Any, Protocol

from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure.futures import current_attempt
from perdure.steps import current_step


class Logging(Protocol):
    """The attempt that logs.

    Attributes:
        start: The first frame of the attempt.
    """

    start: Start

    @property
    def replaying(self) -> bool:
        """Whether the handler repeats what an earlier attempt did."""


class HandlerLogger(logging.LoggerAdapter[logging.Logger]):
    """What ``ctx.logger`` is. Its lines have the fields ``invocation_id``, ``handler``, ``key`` and ``attempt``."""

    def __init__(self, attempt: Logging) -> None:
        super().__init__(logging.getLogger(attempt.start.target.service), fields_of(attempt))
        self._attempt = attempt

    def isEnabledFor(self, level: int) -> bool:
        """Whether a line of this level is written here and now."""
        return super().isEnabledFor(level) and (not self._attempt.replaying or current_step.get() is not None)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Adds the fields to those of the line."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def fields_of(attempt: Logging) -> dict[str, object]:
    """What a line of an attempt says of it."""
    start = attempt.start
    fields: dict[str, object] = {
        "invocation_id": start.invocation_id,
        "handler": f"{start.target.service}/{start.target.handler}",
        "attempt": start.attempt,
    }
    if start.target.key:
        fields["key"] = start.target.key
    return fields


def invocation_fields() -> dict[str, object]:
    """The fields of the handler or step that runs here; none elsewhere.

    For processors and filters of logging: whatever a handler calls may log without knowing of its context.
    """
    attempt = current_attempt.get()
    if attempt is None:
        return {}
    fields = fields_of(attempt)
    step = current_step.get()
    return fields if step is None else {**fields, "step": step}


def is_replaying() -> bool:
    """Whether the handler that runs here repeats what an earlier attempt did. A step never does."""
    attempt = current_attempt.get()
    return attempt is not None and current_step.get() is None and attempt.replaying
