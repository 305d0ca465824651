"""docs/sql.md: its views, made from the code. ``python -m tests.query.reference`` writes them anew."""

from pathlib import Path

from perdure_runtime.query.relation import Relation
from perdure_runtime.query.relations import RELATIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sql.md"
# All that stands before it is written by hand.
VIEWS = "\n## Views\n"


def written(page: str) -> str:
    """The page with its views as they must be."""
    introduction, _, _ = page.partition(VIEWS)
    return introduction + VIEWS + "".join(_view(relation) for relation in RELATIONS.values())


def _view(relation: Relation) -> str:
    key = ", ".join(f"`{name}`" for name in relation.key)
    rows = "".join(f"| `{column.name}` | {column.type} | {column.meaning} |\n" for column in relation.columns)
    head = "| column | type | meaning |\n| --- | --- | --- |\n"
    return f"\n### {relation.name}\n\n{relation.meaning} Its key: {key}.\n\n{head}{rows}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
