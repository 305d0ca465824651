"""Where the parts of a proto file stand, and what the comments at them say."""

from collections.abc import Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorProto, SourceCodeInfo

from perdure_codegen.contract import Place
from perdure_codegen.options import EXTENSION

# The field of a declaration that holds its name.
NAME = 1
# Comments for tools, not for readers.
DIRECTIVES = ("buf:lint:", "@exclude")


class Source:
    """The source info of one file. Paths are those of SourceCodeInfo.Location, such as (6, 0) for the first service."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file.name
        self._locations: dict[tuple[int, ...], SourceCodeInfo.Location] = {}
        for location in file.source_code_info.location:
            self._locations.setdefault(tuple(location.path), location)
        self._options: dict[tuple[int, ...], Place] = {}
        for path, location in self._locations.items():
            if EXTENSION in path:
                # `(perdure.v1.field).key = true` has a place for the part that it sets only.
                option = path[: path.index(EXTENSION)]
                place = self._place(location)
                self._options[option] = min(place, self._options.get(option, place))

    def place(self, path: Sequence[int]) -> Place:
        """Where the name of the thing at a path stands, or the thing where it has no name; else the file's start."""
        location = self._locations.get((*path, NAME)) or self._locations.get(tuple(path))
        if location is None:
            return Place(self._file, 1, 1)
        return self._place(location)

    def option(self, path: Sequence[int], options: int) -> Place:
        """Where the perdure option of the thing at a path starts, its options being this field; else the thing."""
        return self._options.get((*path, options)) or self.place(path)

    def comment(self, path: Sequence[int], deprecated: bool = False) -> str:
        """The comment before the thing at a path, else the one behind it, without what only tools read.

        It also says what is deprecated. The code does not warn of that: decoding a message would set a warning off.
        """
        location = self._locations.get(tuple(path))
        text = "" if location is None else location.leading_comments or location.trailing_comments
        lines = [line.removeprefix(" ").rstrip() for line in text.split("\n")]
        comment = "\n".join(line for line in lines if not line.lstrip().startswith(DIRECTIVES)).strip()
        return "\n\n".join(filter(None, (comment, "Deprecated." if deprecated else "")))

    def _place(self, location: SourceCodeInfo.Location) -> Place:
        return Place(self._file, location.span[0] + 1, location.span[1] + 1)
