"""Who asks: a name, what it may ask of operators' rpcs, and which services it may call."""

import enum
from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase


class Role(enum.IntEnum):
    """The roles of operators, the least first: a greater one may do all that a lesser one may."""

    # Looks at everything, payloads included.
    VIEWER = 1
    # Does what one does in an incident: to invocations, promises and awakeables.
    OPERATOR = 2
    # Changes what runs and how: deployments, settings, state, definitions.
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whom the guard knows.

    ``role`` is None where it may ask nothing of the admin API. ``services`` are patterns of full names, such as
    ``shop.v1.*``, of what it may call at the ingress.
    """

    name: str
    role: Role | None = None
    services: tuple[str, ...] = ()

    def may_call(self, service: str) -> bool:
        """Whether a service, by its full name, is one of its own."""
        return "*" in self.services or any(fnmatchcase(service, pattern) for pattern in self.services)

    def may(self, least: Role) -> bool:
        """Whether its role is at least this one."""
        return self.role is not None and self.role >= least


# Where no authentication is set up, on addresses that only this machine reaches: everybody may do everything.
ANYBODY = Principal("anybody", Role.ADMIN, ("*",))

# Who asks in this task. A gate says so of all that comes in; what comes through none is this process itself.
CALLER: ContextVar[Principal] = ContextVar("CALLER", default=ANYBODY)
