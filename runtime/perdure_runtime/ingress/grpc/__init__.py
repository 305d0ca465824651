"""gRPC on HTTP/2, by grpclib's protocol layer: the server side of one connection, and what can be called on it."""

from perdure_runtime.ingress.grpc.catalog import Catalog
from perdure_runtime.ingress.grpc.connection import GrpcConnection
from perdure_runtime.ingress.grpc.method import Conversation, Header, Method, Reply, Router, Streaming, Unary
from perdure_runtime.ingress.grpc.reflection import reflection_methods
from perdure_runtime.ingress.grpc.request import Req, read_request
from perdure_runtime.ingress.grpc.router import router_for

__all__ = [
    "Catalog",
    "Conversation",
    "GrpcConnection",
    "Header",
    "Method",
    "Reply",
    "Req",
    "Router",
    "Streaming",
    "Unary",
    "read_request",
    "reflection_methods",
    "router_for",
]
