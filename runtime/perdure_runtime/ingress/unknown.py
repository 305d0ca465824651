"""What a caller is told who asks for what is not served: the names that come near, and no private ones."""

import difflib

from grpclib.const import Status

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.ingress.refusal import Refusal

# Looking for near names costs time that grows with their length; no real path is longer.
LONGEST_PATH = 300


def unknown_handler(contracts: Contracts, path: str) -> Refusal:
    """For a path that names no public handler."""
    return Refusal(Status.UNIMPLEMENTED, _sentence(contracts, path), http_status=404)


def run_of(contracts: Contracts, service: str) -> HandlerFacts:
    """The run handler of a workflow that callers may know of. Raises Refusal."""
    known = contracts.get(service)
    if known is None or not known.visible:
        raise Refusal(Status.NOT_FOUND, _sentence(contracts, f"/{service}/Run"))
    run = known.run
    if run is None:
        raise Refusal(
            Status.NOT_FOUND,
            f"{service} is a {known.kind.value}, and only runs of workflows are found by an id of the caller's; "
            "ask by the invocation id",
        )
    if not run.public:
        raise Refusal(Status.NOT_FOUND, _sentence(contracts, run.path))
    return run


def _sentence(contracts: Contracts, path: str) -> str:
    service_name, slash, method = path.removeprefix("/").partition("/")
    visible = [service.name for service in contracts.values() if service.visible]
    if service_name in visible:
        handlers = [handler.name for handler in contracts[service_name].handlers.values() if handler.public]
        return f"{service_name} has no handler {method[:LONGEST_PATH]!r}; it has {', '.join(handlers)}"
    if not slash or not service_name:
        return f"{path[:LONGEST_PATH]!r} names no handler; call /package.Service/Method"
    if not visible:
        return (
            f"no service {service_name[:LONGEST_PATH]!r} is registered, nor any other; start an endpoint "
            "and run: perdure deployments register HOST:PORT"
        )
    near = difflib.get_close_matches(service_name, visible, 3, 0.5) if len(path) <= LONGEST_PATH else []
    hint = f"did you mean {' or '.join(near)}?" if near else f"registered are {', '.join(visible[:10])}"
    return f"no service {service_name[:LONGEST_PATH]!r} is registered; {hint}"
