"""Telling a value that was set from one that betterproto made up.

betterproto makes the default of a field when it is first read, and keeps it: from then on a sub-message that is empty,
the epoch and a duration of zero look as if somebody had set them. So the defaults that it makes are made recognisable.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import betterproto

# Compared by identity: no other datetime or timedelta is these.
UNSET_TIME = datetime(1970, 1, 1, tzinfo=UTC)
UNSET_DURATION = timedelta(0)
# In the __dict__ of a sub-message that was only read.
LAZY = "_perdure_lazy"

# What a class says of its fields: a property of the class, which type checkers cannot follow.
metadata_of: Callable[[type[betterproto.Message]], betterproto.ProtoClassMetadata] = attrgetter("_betterproto")
# The attributes of a message as they are, past betterproto's own access, which makes defaults.
fields_of: Callable[[betterproto.Message, str], dict[str, Any]] = object.__getattribute__


def mark_defaults(cls: type[betterproto.Message]) -> None:
    """Makes the defaults of a class recognisable."""
    # default_gen is private to betterproto, which is pinned exactly: how a field gets its default.
    defaults = metadata_of(cls).default_gen
    for attribute, make in defaults.items():
        if make is betterproto.datetime_default_gen:
            defaults[attribute] = _unset_time
        elif make is timedelta:
            defaults[attribute] = _unset_duration
        elif isinstance(make, type) and issubclass(make, betterproto.Message):
            defaults[attribute] = _lazy(make)


def is_lazy(message: betterproto.Message) -> bool:
    """Whether a sub-message was made by reading it, and has not been written to itself."""
    known = fields_of(message, "__dict__")
    return LAZY in known and not known["_serialized_on_wire"]


def _unset_time() -> datetime:
    return UNSET_TIME


def _unset_duration() -> timedelta:
    return UNSET_DURATION


def _lazy(cls: type[betterproto.Message]) -> Callable[[], betterproto.Message]:
    def make() -> betterproto.Message:
        message = cls()
        fields_of(message, "__dict__")[LAZY] = True
        return message

    return make
