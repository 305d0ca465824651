"""Files stay short, and are named after what is in them."""

from tests.architecture.sources import PACKAGES, name, sources

EVERYTHING = (*PACKAGES, "tests", "examples", "bench", "chaos")
LONGEST = 500
# At this length ask which second duty has moved in. What is longer needs a reason here.
LONG = 400
LONG_FOR_A_REASON: dict[str, str] = {}
# A file of these names is where things go whose place nobody looked for.
NAMES_OF_NOTHING = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "shared", "base", "core", "lib"})


def test_no_file_is_too_long() -> None:
    lengths = {name(file): len(file.read_text().splitlines()) for file in sources(*EVERYTHING)}

    assert {file: length for file, length in lengths.items() if length > LONGEST} == {}


def test_what_is_shipped_is_short_or_has_a_reason() -> None:
    lengths = {name(file): len(file.read_text().splitlines()) for file in sources(*PACKAGES)}

    assert {file for file, length in lengths.items() if length > LONG} == LONG_FOR_A_REASON.keys()


def test_no_module_is_named_after_nothing() -> None:
    named = [name(file) for file in sources(*EVERYTHING) if NAMES_OF_NOTHING & {file.stem, *name(file).split("/")}]

    assert named == []


def test_every_module_says_what_it_is() -> None:
    silent = [name(file) for file in sources(*EVERYTHING) if not file.read_text().startswith(('"""', 'r"""'))]

    assert silent == []
