"""From the descriptors that protoc or buf hand over to a contract."""

from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    Edition,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from perdure_codegen.contract import Contract, Enum, EnumValue, Field, FieldType, File, Message, Package
from perdure_codegen.descriptors import embed, in_order
from perdure_codegen.options import Options
from perdure_codegen.parse_services import ServiceParser
from perdure_codegen.source import Source

# The packages of perdure's own protos.
OWN_PACKAGES = frozenset({"perdure.v1", "perdure.protocol.v1", "perdure.ingress.v1", "perdure.admin.v1"})


def parse(request: CodeGeneratorRequest) -> Contract:
    """Reads all files of a run.

    Raises:
        Unreadable: The annotations are newer than this plugin.
    """
    descriptors = {file.name: file for file in request.proto_file}
    options = Options(request.proto_file)
    asked = {name for name in request.file_to_generate if not _is_known(descriptors[name].package)}
    files = {name: FileParser(descriptors, options, name in asked).parse(name) for name in sorted(descriptors)}
    packages = sorted({files[name].package for name in asked})
    return Contract(
        packages=tuple(_package(name, files, descriptors) for name in packages),
        files=MappingProxyType(files),
        messages=MappingProxyType({each.full_name: each for file in files.values() for each in file.messages}),
        enums=MappingProxyType({each.full_name: each for file in files.values() for each in file.enums}),
    )


def _is_known(package: str) -> bool:
    """Whether no code is made for it: betterproto brings the classes of Google's types, perdure its own."""
    return package in OWN_PACKAGES or package == "google.protobuf" or package.startswith("google.protobuf.")


def _package(name: str, files: Mapping[str, File], descriptors: Mapping[str, FileDescriptorProto]) -> Package:
    own = tuple(file for file in files.values() if file.package == name and file.generated)
    return Package(name, own, embed([file.name for file in own], descriptors))


class FileParser:
    """Reads one file."""

    def __init__(self, files: Mapping[str, FileDescriptorProto], options: Options, generated: bool) -> None:
        self._files = files
        self._options = options
        self._generated = generated
        self._messages: list[Message] = []
        self._enums: list[Enum] = []

    def parse(self, name: str) -> File:
        """The facts of the file of this name."""
        file = self._files[name]
        self._source = source = Source(file)
        self._file = file
        for index, enum in enumerate(file.enum_type):
            self._enum(enum, (5, index), ())
        for index, message in enumerate(file.message_type):
            self._message(message, (4, index), ())
        services = ServiceParser(file, source, self._options)
        return File(
            name=name,
            package=file.package,
            syntax=_syntax(file),
            # Compilers record an edition as the one or the other field; what is not recorded is the start of the file.
            syntax_place=max(source.place((12,)), source.place((14,))),
            package_place=source.place((2,)),
            comment=source.comment((12,)) or source.comment((2,)),
            imports=tuple(file.dependency),
            reach=frozenset(in_order([name], self._files)),
            generated=self._generated,
            messages=tuple(self._messages),
            enums=tuple(self._enums),
            services=tuple(services.parse(service, index) for index, service in enumerate(file.service)),
        )

    def _message(self, message: DescriptorProto, path: tuple[int, ...], outer: tuple[str, ...]) -> None:
        if message.options.map_entry:
            return
        names = (*outer, message.name)
        entries = {
            ".".join((self._file.package, *names, nested.name)).lstrip("."): nested
            for nested in message.nested_type
            if nested.options.map_entry
        }
        self._messages.append(
            Message(
                full_name=self._full_name(names),
                path=names,
                package=self._file.package,
                file=self._file.name,
                place=self._source.place(path),
                comment=self._source.comment(path, message.options.deprecated),
                fields=tuple(
                    self._field(field, message, entries, (*path, 2, index)) for index, field in enumerate(message.field)
                ),
            )
        )
        for index, enum in enumerate(message.enum_type):
            self._enum(enum, (*path, 4, index), names)
        for index, nested in enumerate(message.nested_type):
            self._message(nested, (*path, 3, index), names)

    def _field(
        self,
        field: FieldDescriptorProto,
        message: DescriptorProto,
        entries: Mapping[str, DescriptorProto],
        path: tuple[int, ...],
    ) -> Field:
        entry = entries.get(field.type_name.lstrip("."))
        in_oneof = field.HasField("oneof_index") and not field.proto3_optional
        key = self._options.read(field.options, "perdure.v1.field").flag("key")
        return Field(
            name=field.name,
            number=field.number,
            type=_type(field if entry is None else entry.field[1]),
            place=self._source.place(path),
            comment=self._source.comment(path, field.options.deprecated),
            repeated=field.label == FieldDescriptorProto.LABEL_REPEATED and entry is None,
            optional=field.proto3_optional,
            map_key=None if entry is None else _type(entry.field[0]),
            oneof=message.oneof_decl[field.oneof_index].name if in_oneof else "",
            key=key,
            key_place=self._source.option(path, 8) if key else None,
        )

    def _enum(self, enum: EnumDescriptorProto, path: tuple[int, ...], outer: tuple[str, ...]) -> None:
        names = (*outer, enum.name)
        self._enums.append(
            Enum(
                full_name=self._full_name(names),
                path=names,
                package=self._file.package,
                file=self._file.name,
                place=self._source.place(path),
                comment=self._source.comment(path, enum.options.deprecated),
                values=tuple(
                    EnumValue(
                        name=value.name,
                        number=value.number,
                        place=self._source.place((*path, 2, index)),
                        comment=self._source.comment((*path, 2, index), value.options.deprecated),
                    )
                    for index, value in enumerate(enum.value)
                ),
            )
        )

    def _full_name(self, names: tuple[str, ...]) -> str:
        return ".".join((self._file.package, *names)).lstrip(".")


def _type(field: FieldDescriptorProto) -> FieldType:
    proto = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    return FieldType(proto, field.type_name.lstrip("."))


def _syntax(file: FileDescriptorProto) -> str:
    if file.syntax == "editions":
        name: str = Edition.Name(file.edition) if file.edition in Edition.values() else str(file.edition)
        return f"edition {name.removeprefix('EDITION_')}"
    return file.syntax or "proto2"
