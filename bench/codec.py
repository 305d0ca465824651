"""`python -m bench.codec`: what a message costs, beside betterproto's own codec and raw upb."""

import timeit
from collections.abc import Callable
from functools import partial

import betterproto
from google.protobuf.message import Message
from kinds.v1 import Maps, Scalars, Tree
from load.v1 import Call
from perdure import codec
from perdure.codec.registry import shape_of
from rich.console import Console
from rich.table import Table

RUNS = 5


def samples() -> dict[str, betterproto.Message]:
    """A message like most, and one like few."""
    scalars = Scalars(int32_value=7, double_value=1.5, string_value="kettle", bool_value=True, bytes_value=b"x" * 16)
    leaves = [Tree(name=f"leaf {number}", scalars=scalars) for number in range(10)]
    return {
        "one string": Call(text="hello"),
        "five scalars": scalars,
        "map of ten": Maps(strings={f"key {number}": "value" for number in range(10)}),
        "tree of eleven": Tree(name="root", others=leaves),
    }


def microseconds(work: Callable[[], object]) -> float:
    """The best of some runs: what disturbs them only makes them longer."""
    timer = timeit.Timer(work)
    count, _ = timer.autorange()
    return min(timer.repeat(RUNS, count)) / count * 1e6


def parse(cls: type[betterproto.Message], data: bytes) -> betterproto.Message:
    """What betterproto's own codec makes of bytes."""
    return cls().parse(data)


def main() -> None:
    """Prints the table."""
    table = Table("message", "bytes", "codec", "encode µs", "decode µs", title="µs a message")
    for name, message in samples().items():
        cls = type(message)
        data = codec.encode(message)
        upb: Message = shape_of(cls).upb.FromString(data)
        rows: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "perdure": (partial(codec.encode, message), partial(codec.decode, cls, data)),
            "betterproto": (partial(bytes, message), partial(parse, cls, data)),
            "upb": (upb.SerializeToString, partial(type(upb).FromString, data)),
        }
        for which, (encode, decode) in rows.items():
            table.add_row(name, str(len(data)), which, f"{microseconds(encode):.1f}", f"{microseconds(decode):.1f}")
            name = ""
    Console().print(table)


if __name__ == "__main__":
    main()
