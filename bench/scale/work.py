"""W1 to W5, on whatever shape."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.http_load import LoadFailed, Measured, run_wrk, run_wrks
from bench.scale.fleet import KEYS_OF_A_NODE, Fleet

HELLO = '\'{"text":"hello"}\''
HOT = '\'{"counter":"hot"}\''
ANY = "'{\"counter\":\"' .. math.random(1000) .. '\"}'"
ADD = "load.v1.Counter/Add"
ASK = "load.v1.Relay/AskCounter"
# What it costs that a key is another node's is seen where there are two nodes.
CROSSING = "pg2"
MESSAGES_TIMEOUT_S = 120.0
# Every so often the tally is read.
TALLY_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of each shape in turn, or of one alone."""

    name: str
    title: str
    run: Callable[[Fleet, float], Measured]
    only: str = ""


def calls(method: str, body: str, callers: int, fleet: Fleet, seconds: float) -> Measured:
    """Callers spread over all ingresses, each with one call at a time."""
    return run_wrks(fleet.ingresses, seconds, method=method, callers=callers, body=body)


def calls_of_one_node(method: str, node: int, callers: int, fleet: Fleet, seconds: float) -> Measured:
    """Callers of node 0, all for keys of one node."""
    keys = "','".join(fleet.keys(node))
    body = f"'{{\"counter\":\"' .. ({{'{keys}'}})[math.random({KEYS_OF_A_NODE})] .. '\"}}'"
    return run_wrk(fleet.ingresses[0], seconds, method=method, callers=callers, body=body)


def messages(method: str, count: int, fleet: Fleet, seconds: float) -> Measured:
    """So many messages from one handler, until all have run. There is no latency of one."""
    before, started = fleet.tallied, time.monotonic()
    call(fleet.ingresses[0], method, {"messages": count})
    while (ran := fleet.tallied - before) < count:
        if time.monotonic() > started + MESSAGES_TIMEOUT_S:
            raise LoadFailed(f"{ran} of {count} messages of {method} have run after {MESSAGES_TIMEOUT_S:g} s")
        time.sleep(TALLY_EVERY_S)
    return Measured(count, time.monotonic() - started, 0.0, 0.0)


def call(ingress: str, method: str, body: object) -> None:
    """One call, which must be answered well. Raises OSError."""
    request = urllib.request.Request(
        f"http://{ingress}/{method}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        response.read()


def works(callers: int, count: int) -> dict[str, Work]:
    """All workloads by name, with so many callers, and W5 with so many messages."""
    all_of_them = (
        Work("W1", "W1 empty call", partial(calls, "load.v1.LoadService/Empty", HELLO, callers)),
        Work("W2", "W2 three steps", partial(calls, "load.v1.LoadService/Steps", HELLO, callers)),
        Work("W3hot", "W3 one hot key", partial(calls, ADD, HOT, callers)),
        Work("W3", "W3 1,000 keys", partial(calls, ADD, ANY, callers)),
        Work("W4", "W4 call of a service", partial(calls, "load.v1.Relay/Ask", HELLO, callers)),
        Work("W4key", "W4 call of 1,000 keys", partial(calls, ASK, ANY, callers)),
        Work("W5", "W5 messages to a service", partial(messages, "load.v1.Relay/Send", count)),
        Work("W5key", "W5 messages to 1,000 keys", partial(messages, "load.v1.Relay/SendToCounters", count)),
        Work("near", "W3, at the node that has the key", partial(calls_of_one_node, ADD, 0, callers), CROSSING),
        Work("far", "W3, at another node", partial(calls_of_one_node, ADD, 1, callers), CROSSING),
        Work("near4", "W4 with a key, at the node that has it", partial(calls_of_one_node, ASK, 0, callers), CROSSING),
        Work("far4", "W4 with a key, at another node", partial(calls_of_one_node, ASK, 1, callers), CROSSING),
    )
    return {work.name: work for work in all_of_them}
