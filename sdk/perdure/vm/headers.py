"""The headers that perdure itself adds to what a handler calls and sends to: they say where it comes from in a trace.

They are no doing of the handler. A replay has other ones where tracing was set up meanwhile, or the SDK is newer, or an
operator has restarted the invocation as another one; so they are taken from the journal, and not compared with it.
"""

from collections.abc import MutableMapping

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
BAGGAGE = "baggage"
# The span that a send comes from, in the form of a traceparent.
LINK = "perdure-link"

ADDED = (TRACEPARENT, TRACESTATE, BAGGAGE, LINK)


def take_added(recorded: MutableMapping[str, str], replayed: MutableMapping[str, str]) -> None:
    """Makes the added headers of a replayed command those of the recorded one."""
    for name in ADDED:
        if name in recorded:
            replayed[name] = recorded[name]
        elif name in replayed:
            del replayed[name]
