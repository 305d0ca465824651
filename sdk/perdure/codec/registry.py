"""Which class is which message, and the descriptors that generated code brought along.

Each generated package has a pool of its own: packages that were generated at different times may embed different
versions of a file that both import, and still live in one process. Only an endpoint that serves both must agree on it.
"""

from collections.abc import Iterable, Mapping
from typing import cast

import betterproto
from betterproto.lib.google import protobuf as known
from google.protobuf import any_pb2, descriptor_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2
from google.protobuf import wrappers_pb2 as wrappers
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool

from perdure.codec.defaults import mark_defaults
from perdure.codec.shape import Shape
from perdure.errors import EndpointError, UsageError

# Files that generated code leaves out, since every protobuf library has them.
GOOGLE = (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers,
)
ANNOTATIONS = "perdure/v1/annotations.proto"


class Bundle:
    """What one generated package brought along."""

    def __init__(self, files: bytes) -> None:
        """Links a serialised FileDescriptorSet whose files come after those that they import."""
        self.files = {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(files).file}
        self.pool = DescriptorPool()
        for module in GOOGLE:
            self.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        for file in self.files.values():
            self.pool.Add(file)
        self._shapes: dict[str, Shape] = {}

    def shape(self, descriptor: Descriptor, cls: type[betterproto.Message]) -> Shape:
        """The compiled form of a message."""
        shape = self._shapes.get(descriptor.full_name)
        if shape is None:
            shape = self._shapes[descriptor.full_name] = Shape(descriptor, cls, self.shape)
            shape.compile()
        return shape


_bundles: list[Bundle] = []
_bound: dict[type[betterproto.Message], tuple[str, Bundle]] = {}
_classes: dict[str, type[betterproto.Message]] = {}
_shapes: dict[type[betterproto.Message], Shape] = {}


def bind(files: bytes, classes: Mapping[str, type[betterproto.Message]]) -> None:
    """Makes the messages of a generated package known; its module calls this when it is imported.

    Args:
        files: A serialised FileDescriptorSet: the files of the package, and before each all that it imports but
            Google's own.
        classes: By full name of the message, such as "shop.v1.Order.Item".
    """
    bundle = Bundle(files)
    _bundles.append(bundle)
    for name, cls in classes.items():
        mark_defaults(cls)
        _bound[cls] = (name, bundle)
        _classes[name] = cls


def shape_of(cls: type[betterproto.Message]) -> Shape:
    """The compiled form of a class. Raises UsageError where no generated package has bound it."""
    shape = _shapes.get(cls)
    if shape is None:
        name, bundle = _binding(cls)
        shape = _shapes[cls] = bundle.shape(bundle.pool.FindMessageTypeByName(name), cls)
    return shape


class Types:
    """What JSON looks the type of an Any up in: first where its message is from, then everywhere else."""

    def __init__(self, first: DescriptorPool) -> None:
        self._first = first

    def FindMessageTypeByName(self, full_name: str) -> Descriptor:  # google.protobuf's name
        """The type of a name. Raises KeyError."""
        try:
            return self._first.FindMessageTypeByName(full_name)
        except KeyError:
            cls = _classes.get(full_name)
            if cls is None:
                raise
            return _binding(cls)[1].pool.FindMessageTypeByName(full_name)


def pool_of(cls: type[betterproto.Message]) -> DescriptorPool:
    """The pool that knows a class and all that it imports. Raises UsageError."""
    return _binding(cls)[1].pool


def types_of(cls: type[betterproto.Message]) -> DescriptorPool:
    """Where JSON of a class finds the types of what is packed in it. Raises UsageError."""
    # json_format only ever asks it for the type of a name; the pools of upb cannot be subclassed.
    return cast(DescriptorPool, Types(pool_of(cls)))


def full_name(cls: type[betterproto.Message]) -> str:
    """Full name of the message that a class is, such as "shop.v1.Order". Raises UsageError."""
    return _binding(cls)[0]


def find_class(name: str) -> type[betterproto.Message] | None:
    """The class of a message by its full name, None where this process has none."""
    return _classes.get(name)


def descriptors(services: Iterable[str]) -> bytes:
    """A serialised FileDescriptorSet with all files that services need, each after those that it imports.

    Raises:
        EndpointError: A service is unknown, or two packages embed different versions of one file.
    """
    wanted: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    for service in services:
        bundle, file = _declaring(service)
        _collect(bundle, file, wanted)
    return descriptor_pb2.FileDescriptorSet(file=wanted.values()).SerializeToString(deterministic=True)


def _collect(bundle: Bundle, name: str, wanted: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    file = bundle.files.get(name)
    if file is None:
        return  # One of Google's.
    other = wanted.get(name)
    if other is None:
        for needed in file.dependency:
            _collect(bundle, needed, wanted)
        wanted[name] = file
    elif other != file and name != ANNOTATIONS:
        # Options are only ever added to the annotations, and unknown ones are kept: either version will do.
        raise EndpointError(
            f"two packages of this endpoint were generated from different versions of {name}: generate both again, "
            "together"
        )


def _declaring(service: str) -> tuple[Bundle, str]:
    # The newest first: a module that was imported again has bound its package again.
    for bundle in reversed(_bundles):
        try:
            return bundle, bundle.pool.FindServiceByName(service).file.name
        except KeyError:
            continue
    raise EndpointError(f"no generated package that is imported has a service {service}")


def _binding(cls: type[betterproto.Message]) -> tuple[str, Bundle]:
    try:
        return _bound[cls]
    except KeyError:
        raise UsageError(
            f"{cls.__module__}.{cls.__qualname__} is no message of code that protoc-gen-perdure generated"
        ) from None


bind(
    b"",
    {
        f"google.protobuf.{cls.__name__}": cls
        for cls in (
            *(known.Any, known.Duration, known.Empty, known.FieldMask, known.Timestamp),
            *(known.ListValue, known.Struct, known.Value),
            *(known.BoolValue, known.BytesValue, known.DoubleValue, known.FloatValue, known.StringValue),
            *(known.Int32Value, known.Int64Value, known.UInt32Value, known.UInt64Value),
        )
    },
)
