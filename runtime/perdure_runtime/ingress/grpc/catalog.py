"""What callers may know of a server: its services by name, and the files that declare them."""

from collections.abc import Callable, Iterable, Iterator

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor

from perdure_runtime.contracts import Contracts, Descriptors


class Catalog:
    """The server's own files, and the contracts of the moment. Private handlers and services are not in it."""

    def __init__(self, own: Iterable[FileDescriptor], contracts: Callable[[], Contracts] = Contracts) -> None:
        """All services that the files in ``own`` declare are served; ``contracts`` tells of others, now."""
        files = list(own)
        self._own = Descriptors(_set_of(files))
        self._own_services = frozenset(
            service.full_name for file in files for service in file.services_by_name.values()
        )
        self._contracts = contracts
        self._shown: dict[bytes, bytes] = {}
        self._shown_of: Contracts | None = None

    def services(self) -> list[str]:
        """The names of all services, sorted."""
        return sorted(
            self._own_services.union(service.name for service in self._contracts().values() if service.visible)
        )

    def serves(self, name: str) -> bool:
        """Whether a service is served."""
        service = self._contracts().get(name)
        return name in self._own_services or (service is not None and service.visible)

    def named(self, file: str) -> list[bytes]:
        """A file by its name, with all that it needs, itself first; nothing where there is none."""
        for descriptors in self._sets():
            if descriptors.file(file) is not None:
                return self._closure(descriptors, file)
        return []

    def declaring(self, symbol: str) -> list[bytes]:
        """The file that declares a service, rpc, message, field, enum or extension, with all that it needs."""
        symbol = symbol.removeprefix(".")
        for descriptors in self._sets(symbol):
            file = descriptors.file_of(symbol)
            if file is not None and self._is_open(descriptors, symbol):
                return self._closure(descriptors, file)
        return []

    def extending(self, message: str, number: int) -> list[bytes]:
        """The file that declares an extension of a message, with all that it needs."""
        for descriptors in self._sets():
            try:
                extended = descriptors.pool.FindMessageTypeByName(message)
                extension = descriptors.pool.FindExtensionByNumber(extended, number)
            except KeyError:
                continue
            return self._closure(descriptors, descriptors.pool.FindFileContainingSymbol(extension.full_name).name)
        return []

    def extensions(self, message: str) -> list[int] | None:
        """The numbers of all extensions of a message; None where there is no such message."""
        numbers: set[int] | None = None
        for descriptors in self._sets():
            try:
                extended = descriptors.pool.FindMessageTypeByName(message)
            except KeyError:
                continue
            found = {extension.number for extension in descriptors.pool.FindAllExtensions(extended)}
            numbers = found if numbers is None else numbers | found
        return None if numbers is None else sorted(numbers)

    def _sets(self, symbol: str = "") -> Iterator[Descriptors]:
        """Each deployment's descriptors once: those of the service that a symbol names first, then our own last."""
        contracts = self._contracts()
        named = contracts.get(symbol) or contracts.get(symbol.rpartition(".")[0])
        shown = [service for service in contracts.values() if service.visible]
        if named is not None and named.visible:
            shown.insert(0, named)
        yield from dict.fromkeys(service.descriptors for service in shown)
        yield self._own

    def _is_open(self, descriptors: Descriptors, symbol: str) -> bool:
        """Whether a symbol may be known: everything may but services and rpcs that are not served to the outside."""
        for service_name, method in ((symbol, ""), symbol.rpartition(".")[::2]):
            try:
                descriptors.pool.FindServiceByName(service_name)
            except KeyError:
                continue
            return self.serves(service_name) and (not method or self._serves_method(service_name, method))
        return True

    def _serves_method(self, service: str, method: str) -> bool:
        if service in self._own_services:
            return True
        handler = self._contracts().handlers.get(f"/{service}/{method}")
        return handler is not None and handler.public

    def _closure(self, descriptors: Descriptors, file: str) -> list[bytes]:
        contracts = self._contracts()
        if contracts is not self._shown_of:
            self._shown, self._shown_of = {}, contracts
        return [self._show(each) for each in descriptors.closure(file)]

    def _show(self, file: bytes) -> bytes:
        """A file without the services and rpcs that are not served to the outside."""
        shown = self._shown.get(file)
        if shown is None:
            proto = descriptor_pb2.FileDescriptorProto.FromString(file)
            for service in list(proto.service):
                name = f"{proto.package}.{service.name}" if proto.package else service.name
                if not self.serves(name):
                    proto.service.remove(service)
                    continue
                for method in list(service.method):
                    if not self._serves_method(name, method.name):
                        service.method.remove(method)
            shown = self._shown[file] = proto.SerializeToString(deterministic=True)
        return shown


def _set_of(files: list[FileDescriptor]) -> bytes:
    """Files and all that they need, as a serialised FileDescriptorSet."""
    needed = list(files)
    for file in needed:
        needed.extend(each for each in file.dependencies if each not in needed)
    descriptors = descriptor_pb2.FileDescriptorSet()
    for file in needed:
        file.CopyToProto(descriptors.file.add())
    return descriptors.SerializeToString()
