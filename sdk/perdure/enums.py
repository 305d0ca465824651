"""The base of generated enums, as type checkers should see it.

betterproto picks the base of its enums at run time, which type checkers cannot follow: members would be plain ints,
which fit no field of the enum, and a ``match`` over them could not be checked for completeness.
"""

import enum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:

    class Enum(enum.IntEnum):
        """An enum of a contract: a number with a name."""

        @classmethod
        def try_value(cls, value: int = 0) -> Self:
            """The member with this value; where there is none, a nameless one, as newer peers may send."""

        @classmethod
        def from_string(cls, name: str) -> Self:
            """The member of this name.

            Raises:
                ValueError: There is none.
            """

else:
    from betterproto import Enum

__all__ = ["Enum"]
