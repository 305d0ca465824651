"""The descriptors of one deployment, in a pool of their own.

Each deployment has its own pool: two versions of a contract live beside each other in one node.
"""

from collections.abc import Iterable
from functools import cached_property

from google.protobuf import (
    any_pb2,
    api_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    source_context_pb2,
    struct_pb2,
    timestamp_pb2,
    type_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError

from perdure_runtime.contracts.error import ContractError

# Files that an endpoint may leave out, since every protobuf library has them.
WELL_KNOWN = {
    module.DESCRIPTOR.name: module.DESCRIPTOR.serialized_pb
    for module in (
        any_pb2,
        api_pb2,
        descriptor_pb2,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        source_context_pb2,
        struct_pb2,
        timestamp_pb2,
        type_pb2,
        wrappers_pb2,
    )
}
# Places of source_code_info: a service in its file, and an rpc in its service.
SERVICE_FIELD = descriptor_pb2.FileDescriptorProto.SERVICE_FIELD_NUMBER
METHOD_FIELD = descriptor_pb2.ServiceDescriptorProto.METHOD_FIELD_NUMBER


class Descriptors:
    """A linked set of proto files. Immutable."""

    def __init__(self, files: bytes) -> None:
        """Links a serialised FileDescriptorSet, in whatever order its files come. Raises ContractError."""
        try:
            parsed = descriptor_pb2.FileDescriptorSet.FromString(files)
        except DecodeError as error:
            raise ContractError(
                f"the endpoint sent descriptors that are no FileDescriptorSet ({error}); generate its code again"
            ) from error
        self._files = {file.name: file for file in parsed.file}
        self.pool = descriptor_pool.DescriptorPool()
        linked: set[str] = set()
        for name in list(self._files):
            self._link(name, linked, ())

    def service(self, name: str) -> ServiceDescriptor:
        """A service by its full name. Raises ContractError."""
        try:
            return self.pool.FindServiceByName(name)
        except KeyError:
            raise ContractError(
                f"the endpoint serves {name} but its descriptors do not hold it; generate its code again"
            ) from None

    def file(self, name: str) -> bytes | None:
        """One file, serialised, by its name such as "shop/v1/order.proto"."""
        file = self._files.get(name)
        return None if file is None else file.SerializeToString(deterministic=True)

    def file_of(self, symbol: str) -> str | None:
        """The name of the file that declares a symbol: a service, rpc, message, field, enum or extension."""
        try:
            return self.pool.FindFileContainingSymbol(symbol).name
        except KeyError:
            pass
        # The pool finds everything by name but rpcs.
        service_name, _, method = symbol.rpartition(".")
        try:
            service = self.pool.FindServiceByName(service_name)
        except KeyError:
            return None
        return service.file.name if method in service.methods_by_name else None

    def closure(self, name: str) -> list[bytes]:
        """A file and all that it needs, serialised, itself first."""
        names = [name]
        for each in names:
            names.extend(needed for needed in self._files[each].dependency if needed not in names)
        return [self._files[each].SerializeToString(deterministic=True) for each in names]

    def files_of(self, symbol: str) -> bytes:
        """The file that declares a symbol and all that it needs, as a serialised FileDescriptorSet."""
        name = self.file_of(symbol)
        files = [] if name is None else self.closure(name)
        return descriptor_pb2.FileDescriptorSet(
            file=map(descriptor_pb2.FileDescriptorProto.FromString, files)
        ).SerializeToString(deterministic=True)

    @cached_property
    def comments(self) -> dict[str, str]:
        """The comments above services and rpcs, by full name, as far as the files came with them."""
        found: dict[str, str] = {}
        for file in self._files.values():
            said = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
            for number, service in enumerate(file.service):
                name = f"{file.package}.{service.name}" if file.package else service.name
                found[name] = said.get((SERVICE_FIELD, number), "")
                for index, method in enumerate(service.method):
                    found[f"{name}.{method.name}"] = said.get((SERVICE_FIELD, number, METHOD_FIELD, index), "")
        return {name: " ".join(comment.split()) for name, comment in found.items() if comment}

    def _link(self, name: str, linked: set[str], importers: tuple[str, ...]) -> None:
        if name in linked:
            return
        if name in importers:
            raise ContractError(f"{name} imports itself through {', '.join(importers)}; break the circle of imports")
        file = self._files.get(name) or self._well_known(name, importers)
        for needed in file.dependency:
            self._link(needed, linked, (*importers, name))
        try:
            self.pool.Add(file)
        except TypeError as error:
            raise ContractError(f"{name} cannot be linked ({error}); generate the endpoint's code again") from error
        linked.add(name)

    def _well_known(self, name: str, importers: Iterable[str]) -> descriptor_pb2.FileDescriptorProto:
        """A file that the set leaves out since every protobuf library has it."""
        known = WELL_KNOWN.get(name)
        if known is None:
            importer = list(importers)[-1]
            raise ContractError(
                f"{importer} imports {name}, which the endpoint did not send; generate all packages together"
            )
        file = descriptor_pb2.FileDescriptorProto.FromString(known)
        self._files[name] = file
        return file
