"""The one line of an error that people look for."""

# How a line of a traceback begins that names a place in the code.
PLACE = '  File "'


def headline(error: str) -> str:
    """An error in one line: of a traceback the exception, with its notes, without the code that led to it."""
    lines = error.strip().splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith(PLACE)]
    if places:
        after = lines[places[-1] + 1 :]
        said = next((number for number, line in enumerate(after) if line and not line.startswith(" ")), 0)
        lines = after[said:] or lines
    return " ".join(" ".join(lines).split())
