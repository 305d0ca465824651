"""Results as Markdown, and where they stand in a page."""

from collections.abc import Iterable, Sequence
from pathlib import Path


def table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *lines))


def replace_measured(page: Path, name: str, text: str) -> None:
    """Puts text between the markers that a page has for this name. Raises ValueError where it has none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"{page} has no place for {name}: write {begin} and {end} where it belongs")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
