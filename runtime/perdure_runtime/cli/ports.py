"""Ports for processes of ours that have yet to start."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from perdure_runtime.cli.problem import Problem


def cannot_listen(option: str, address: tuple[str, int], error: OSError) -> Problem:
    """An address is taken, or not ours to take."""
    host, port = address
    return Problem(f"cannot listen on {host}:{port} ({error.strerror or error}); choose another with {option}")


@contextmanager
def shared_address(option: str, address: tuple[str, int]) -> Iterator[tuple[str, int]]:
    """Holds an address for processes that will share it; gives it with the port that the system chose for 0.

    Raises Problem where it is taken.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise Problem("--workers: this system lets no two processes share a port; leave the option out")
    host, port = address
    with ExitStack() as held:
        try:
            for family in _families(host):
                # To share is to share with anybody: only without that we see whether others are there already.
                with _bound(family, host, port, shared=False):
                    pass
                # The system gives the port to nobody who wants any; and sends us nobody, as we do not listen.
                port = held.enter_context(_bound(family, host, port, shared=True)).getsockname()[1]
        except OSError as error:
            raise cannot_listen(option, address, error) from error
        yield host, port


def free_ports(host: str, number: int) -> list[int]:
    """Different ports that nobody uses. Raises Problem."""
    with ExitStack() as held:
        try:
            family = _families(host)[0]
            return [held.enter_context(_bound(family, host, 0, shared=False)).getsockname()[1] for _ in range(number)]
        except OSError as error:
            raise cannot_listen("--peer", (host, 0), error) from error


def _families(host: str) -> list[int]:
    """The ways to a host: a name may have an address of each."""
    return list(dict.fromkeys(info[0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))


def _bound(family: int, host: str, port: int, *, shared: bool) -> socket.socket:
    """A socket that does not listen. Raises OSError."""
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # What is left of connections of an earlier process is no hindrance.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # As asyncio's servers do: the other family has a socket of its own.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
