"""What a host name stands for: one process, or one for each of its IP addresses, as with a headless service."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from perdure_runtime.invoker.remote import split_address

# The IP addresses of a host name. Raises OSError.
Lookup = Callable[[str], Awaitable[Sequence[str]]]


async def look_up(host: str) -> Sequence[str]:
    """Asks the system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def processes_at(address: str, look_up: Lookup = look_up) -> tuple[str, ...]:
    """The ``host:port`` of each process at one: itself where it stands for one process. Raises OSError, ValueError."""
    host, port = split_address(address)
    if is_literal(host):
        return (address,)
    by_version: dict[int, set[str]] = {4: set(), 6: set()}
    for found in await look_up(host):
        by_version[ipaddress.ip_address(found).version].add(found)
    # A host with both versions of IP has each process twice: one version tells how many there are.
    version = 6 if len(by_version[6]) > len(by_version[4]) else 4
    if len(by_version[version]) < 2:
        return (address,)
    hosts = sorted(by_version[version])
    return tuple(f"[{host}]:{port}" if version == 6 else f"{host}:{port}" for host in hosts)


def is_literal(host: str) -> bool:
    """Whether a host is an IP address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
