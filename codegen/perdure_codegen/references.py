"""How one module refers to the classes of messages and enums, and the imports that this takes."""

from collections.abc import Iterable

from perdure_codegen import naming
from perdure_codegen.contract import Contract, Field, FieldType, Package

SCALARS = {
    "double": "float",
    "float": "float",
    "int64": "int",
    "uint64": "int",
    "int32": "int",
    "fixed64": "int",
    "fixed32": "int",
    "bool": "bool",
    "string": "str",
    "bytes": "bytes",
    "uint32": "int",
    "sfixed32": "int",
    "sfixed64": "int",
    "sint32": "int",
    "sint64": "int",
}
# Messages that betterproto turns into something else, in fields.
TIMES = {"google.protobuf.Timestamp": "datetime", "google.protobuf.Duration": "timedelta"}
WRAPPERS = {
    "google.protobuf.DoubleValue": "double",
    "google.protobuf.FloatValue": "float",
    "google.protobuf.Int64Value": "int64",
    "google.protobuf.UInt64Value": "uint64",
    "google.protobuf.Int32Value": "int32",
    "google.protobuf.UInt32Value": "uint32",
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.StringValue": "string",
    "google.protobuf.BytesValue": "bytes",
}


class References:
    """The references of the module of one package.

    Whatever the module imports has a name with an underscore in front. No name of a contract has one, so neither a
    field, a method nor a package inside this one hides an import, and the module shows the names of its contract only.
    """

    def __init__(self, contract: Contract, package: Package) -> None:
        self._contract = contract
        self._package = package.name
        self._imports = {"_perdure": "import perdure.generated as _perdure"}
        if package.messages:
            self._imports["_betterproto"] = "import betterproto as _betterproto"
            self._imports["_dataclasses"] = "import dataclasses as _dataclasses"
        if any(service.handlers for service in package.services):
            self._imports["_abc"] = "import abc as _abc"
        prefix = f"{package.name}."
        self._inner = frozenset(
            file.package.removeprefix(prefix).partition(".")[0]
            for file in contract.files.values()
            if file.package.startswith(prefix)
        )

    @property
    def imports(self) -> list[str]:
        """The import statements for all that was referred to so far."""
        return sorted(self._imports.values(), key=lambda line: (line.startswith("from"), line))

    def type(self, full_name: str) -> str:
        """The class of a message or enum."""
        declared = self._contract.messages.get(full_name) or self._contract.enums[full_name]
        name = naming.class_name(declared)
        if declared.package == self._package:
            return name
        return f"{self._module(declared.package)}.{name}"

    def annotation(self, field: Field, attributes: Iterable[str]) -> str:
        """The type of an attribute in a class body that has these attributes.

        Args:
            attributes: Of these names a type checker sees the attribute, not the builtin.
        """
        hidden = self._inner.union(attributes)
        value = self._value(field.type, hidden)
        if field.map_key is not None:
            return f"{self._builtin('dict', hidden)}[{self._value(field.map_key, hidden)}, {value}]"
        if field.repeated:
            return f"{self._builtin('list', hidden)}[{value}]"
        if field.optional and not value.endswith(" | None"):
            return f"{value} | None"
        return value

    def _value(self, type: FieldType, hidden: frozenset[str]) -> str:
        if type.proto in SCALARS:
            return self._builtin(SCALARS[type.proto], hidden)
        if type.name in WRAPPERS:
            return f"{self._builtin(SCALARS[WRAPPERS[type.name]], hidden)} | None"
        if type.name in TIMES:
            self._imports["_datetime"] = "import datetime as _datetime"
            return f"_datetime.{TIMES[type.name]}"
        return self.type(type.name)

    def _builtin(self, name: str, hidden: frozenset[str]) -> str:
        if name not in hidden:
            return name
        self._imports["_builtins"] = "import builtins as _builtins"
        return f"_builtins.{name}"

    def _module(self, package: str) -> str:
        if package.startswith("google.protobuf"):
            return self._import(package, f"import betterproto.lib.{package}")
        here, there = self._package.split("."), package.split(".")
        shared = 0
        while shared < min(len(here), len(there) - 1) and here[shared] == there[shared]:
            shared += 1
        if not shared:
            # Another top-level package: what is above it is no package but an entry of sys.path.
            return self._import(package, f"import {package}")
        dots = "." * (len(here) - shared + 1)
        return self._import(package, f"from {dots}{'.'.join(there[shared:-1])} import {there[-1]}")

    def _import(self, package: str, statement: str) -> str:
        alias = f"_{package.replace('.', '_')}"
        line = f"{statement} as {alias}"
        while self._imports.setdefault(alias, line) != line:
            # The packages a.b_c and a_b.c, or one called builtins.
            alias += "_"
            line = f"{statement} as {alias}"
        return alias
