"""The descriptors that a generated module carries."""

from collections.abc import Iterable, Mapping

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

# Every protobuf library has these files.
GOOGLE = "google/protobuf/"


def embed(names: Iterable[str], files: Mapping[str, FileDescriptorProto]) -> bytes:
    """Files and all that they need but Google's own, dependencies first, without comments; a FileDescriptorSet."""
    kept = FileDescriptorSet()
    for name in in_order(names, files):
        if not name.startswith(GOOGLE):
            file = kept.file.add()
            file.CopyFrom(files[name])
            file.ClearField("source_code_info")
    return kept.SerializeToString(deterministic=True)


def in_order(names: Iterable[str], files: Mapping[str, FileDescriptorProto]) -> list[str]:
    """Files and all that they need, each after what it imports, in an order that only depends on names."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        if name not in ordered:
            for needed in sorted(files[name].dependency):
                add(needed)
            ordered[name] = None

    for name in sorted(names):
        add(name)
    return list(ordered)
