"""The other end of a connection: its address, and the names that its certificate was given."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is connected. ``names`` are of a client certificate that was checked: none without one."""

    address: str = ""
    names: tuple[str, ...] = ()


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """The other end of a transport whose handshake is done."""
    address = transport.get_extra_info("peername")
    certificate = transport.get_extra_info("peercert")
    return Peer(str(address[0]) if isinstance(address, tuple) else "", names_of(certificate or {}))


def names_of(certificate: Mapping[str, object]) -> tuple[str, ...]:
    """The DNS and URI names of a certificate, as ``ssl`` gives it, then its common names."""
    alternative = certificate.get("subjectAltName", ())
    subject = certificate.get("subject", ())
    assert isinstance(alternative, tuple)
    assert isinstance(subject, tuple)
    names = [str(value) for kind, value in alternative if kind in ("DNS", "URI")]
    common = [str(value) for part in subject for kind, value in part if kind == "commonName"]
    return (*names, *common)
