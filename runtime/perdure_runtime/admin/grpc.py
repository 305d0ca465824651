"""The admin API over gRPC: made from the contract, one unary method for each rpc."""

from collections.abc import Mapping, Sequence

from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import admin_pb2

from perdure_runtime.admin.rpc import Rpc
from perdure_runtime.ingress.grpc import (
    Catalog,
    Header,
    Method,
    Reply,
    Router,
    Unary,
    read_request,
    reflection_methods,
    standard,
)
from perdure_runtime.ingress.refusal import Refusal


def router_for(rpcs: Mapping[str, Rpc]) -> Router:
    """Routes to these rpcs, and to reflection, which tells of them."""
    methods: dict[str, Method] = {
        **{rpc.path: _unary(rpc) for rpc in rpcs.values()},
        **reflection_methods(Catalog((admin_pb2.DESCRIPTOR, *standard.REFLECTION_FILES))),
    }

    def route(path: str) -> Method:
        method = methods.get(path)
        if method is None:
            raise unknown_rpc(rpcs, path)
        return method

    return route


def unknown_rpc(rpcs: Mapping[str, Rpc], path: str, http_status: int | None = None) -> Refusal:
    """What is told to those who ask for what there is not."""
    known = ", ".join(rpcs)
    return Refusal(
        Status.UNIMPLEMENTED,
        f"{path[:300]!r} is not part of the admin API, which has {known}",
        http_status=http_status,
    )


def _unary(rpc: Rpc) -> Unary:
    async def answer(message: bytes, metadata: Sequence[Header], timeout_s: float | None) -> Reply:
        request = read_request(rpc.request, message)
        return Reply((await rpc.answer(request)).SerializeToString())

    return Unary(answer)
