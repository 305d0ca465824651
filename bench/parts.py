"""Where the CPU of a process goes, by part of perdure, from a profile of cProfile."""

import pstats
from collections import defaultdict
from pathlib import Path

# The first prefix that a file's path holds names its part.
_FILES = (
    ("perdure_runtime/ingress", "ingress"),
    ("perdure_runtime/partition", "partition"),
    ("perdure_runtime/node", "node loop"),
    ("perdure_runtime/invoker", "invoker"),
    ("perdure_runtime/storage", "storage"),
    ("perdure_runtime/contracts", "ingress"),
    ("perdure/codec", "codec"),
    ("perdure/vm", "invocation machine"),
    ("sdk/perdure", "SDK"),
    ("generated/", "SDK"),
    ("grpclib/", "gRPC"),
    ("h2/", "gRPC"),
    ("hpack/", "gRPC"),
    ("hyperframe/", "gRPC"),
    ("multidict", "gRPC"),
    ("uvicorn/", "HTTP/1.1"),
    ("httptools", "HTTP/1.1"),
    ("google/protobuf", "protobuf"),
    ("json/", "JSON"),
    ("asyncio/", "event loop"),
    ("selectors.py", "event loop"),
)
_BUILTINS = (
    ("sqlite3", "SQLite"),
    ("google._upb", "protobuf"),
    ("_json", "JSON"),
    ("json", "JSON"),
    ("httptools", "HTTP/1.1"),
    ("socket", "sockets"),
    ("_asyncio", "event loop"),
    ("_contextvars", "event loop"),
)
# Waiting is not work.
_IDLE = ("method 'poll' of 'select.epoll'", "method 'acquire' of '_thread.lock'")


def by_part(profile: Path) -> dict[str, float]:
    """Seconds of work by part, the largest first."""
    seconds: dict[str, float] = defaultdict(float)
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]  # typeshed hides it
    for (file, _, name), (_, _, own_s, _, _) in stats.items():
        if not any(idle in name for idle in _IDLE):
            seconds[_part(file, name)] += own_s
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def _part(file: str, name: str) -> str:
    for marker, part in _BUILTINS if file == "~" else _FILES:
        if marker in (name if file == "~" else file):
            return part
    return "Python's own" if file == "~" else "other"
