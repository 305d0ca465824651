"""What is made of files, made anew when they change, so that certificates and keys are replaced without a restart.

Nothing runs in the background: the files are looked at when what they hold is used, and no more than once a second.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from perdure.errors import UsageError

LOOK_EVERY_S = 1.0

T = TypeVar("T")
# Of each file: when it was written, its size, and which it is, since programs replace files rather than write them.
_State: TypeAlias = tuple[tuple[int, int, int], ...]

log = logging.getLogger("perdure")


class Watched(Generic[T]):
    """A value made of files.

    A change that makes no value is logged, and the last good value stays: whoever replaces two files writes one first.
    """

    def __init__(
        self, purpose: str, paths: Sequence[Path], make: Callable[[], T], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Makes the first value here; ``purpose`` says to people what the files are for.

        Raises:
            UsageError: A file cannot be read, or ``make`` raises it.
        """
        self._purpose = purpose
        self._paths = paths
        self._make = make
        self._now = now
        self._state = self._look()
        self._value = make()
        self._looked_at = now()

    def get(self) -> T:
        """The value of the moment."""
        now = self._now()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._renew()
        return self._value

    def _renew(self) -> None:
        try:
            state = self._look()
            if state == self._state:
                return
            self._value = self._make()
            self._state = state
        except UsageError as error:
            log.error("the %s stays as it was: %s", self._purpose, error)
        else:
            log.info("the %s was read again", self._purpose)

    def _look(self) -> _State:
        return tuple(self._stat(path) for path in self._paths)

    def _stat(self, path: Path) -> tuple[int, int, int]:
        try:
            stat = path.stat()
        except OSError as error:
            raise unreadable(self._purpose, path, error) from error
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def read_file(purpose: str, path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(purpose, path, error) from error


def unreadable(purpose: str, path: Path, error: OSError) -> UsageError:
    """What people are told of a file that cannot be read."""
    return UsageError(f"cannot read {path} ({purpose}): {error.strerror or error}")
