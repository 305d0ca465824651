"""Whether two endpoints serve alike: the same services, by the same contracts."""

from collections.abc import Iterable

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from perdure_runtime.storage.api import DeploymentRow


def difference(one: DeploymentRow, other: DeploymentRow) -> str:
    """In what the second does not serve as the first does; empty where it does."""
    more, less = set(other.services) - set(one.services), set(one.services) - set(other.services)
    if more or less:
        found = [f"does not serve {_named(less)}"] if less else []
        return " and ".join([*found, *([f"serves {_named(more)} too"] if more else [])])
    if one.descriptors == other.descriptors:
        return ""
    files, others = _files(one), _files(other)
    changed = [name for name in files.keys() | others.keys() if files.get(name) != others.get(name)]
    return f"has another {_named(changed)}" if changed else ""


def serves_alike(one: DeploymentRow, other: DeploymentRow) -> bool:
    """Whether both serve the same."""
    return not difference(one, other)


def is_other_version(one: DeploymentRow, other: DeploymentRow) -> bool:
    """Whether both serve a service, by contracts that are not the same."""
    if not set(one.services) & set(other.services):
        return False
    files, others = _files(one), _files(other)
    return any(files[name] != others[name] for name in files.keys() & others.keys())


def _files(row: DeploymentRow) -> dict[str, bytes]:
    files = FileDescriptorSet.FromString(row.descriptors).file
    return {file.name: file.SerializeToString(deterministic=True) for file in files}


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
