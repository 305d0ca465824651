"""Text that others have written, made safe for a terminal."""


def printable(text: str) -> str:
    """The text, without characters that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)
