"""Inbound gzip, bounded: a few bytes can stand for gigabytes."""

import zlib

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

GZIP = 16 + zlib.MAX_WBITS


def gunzip(data: bytes, most: int) -> bytes:
    """Decompresses one gzip member. Raises Refusal when it is broken or gives more than ``most`` bytes."""
    inflater = zlib.decompressobj(GZIP)
    try:
        plain = inflater.decompress(data, most + 1)
    except zlib.error as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"the request is said to be gzip but is not: {error}") from error
    if len(plain) > most:
        raise too_large(most)
    if not inflater.eof:
        raise Refusal(Status.INVALID_ARGUMENT, "the gzip data of the request ends too early")
    return plain


def too_large(most: int) -> Refusal:
    """A request over the limit."""
    return Refusal(
        Status.RESOURCE_EXHAUSTED,
        f"the request is larger than {most} bytes, the most that this node takes; send large data by reference",
        http_status=413,
    )


def crowded() -> Refusal:
    """All requests that are arriving are too large together."""
    return Refusal(
        Status.RESOURCE_EXHAUSTED,
        "the node is receiving too many large requests at once; try again in a moment",
        http_status=503,
    )
