"""docs/configuration.md: its tables, made from the schema. ``python -m tests.config.reference`` writes them anew."""

from pathlib import Path

from perdure_runtime.config.catalogue import Setting, catalogue, section_of, sections
from perdure_runtime.config.showing import as_plain, toml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
# All that stands before the first table is written by hand.
FIRST = "\n## ["
HEAD = "| name | type | default | environment | flag | meaning |\n| --- | --- | --- | --- | --- | --- |\n"


def written(page: str) -> str:
    """The page with its tables as they must be."""
    introduction, _, _ = page.partition(FIRST)
    return introduction + "".join(_section(name, meaning) for name, meaning in sections().items() if _rows(name))


def _section(name: str, meaning: str) -> str:
    settings = [setting for setting in catalogue().values() if section_of(setting.place) == name]
    return f"{FIRST}{name}]\n\n{meaning}\n\n{HEAD}{_rows(name)}" + "".join(map(_parts, settings))


def _parts(setting: Setting) -> str:
    """Of a list of tables, what each of them has."""
    if not setting.parts:
        return ""
    rows = "".join(
        f"| `{part.place[-1]}` | {part.kind} | {_default(part)} | {part.meaning} |\n" for part in setting.parts
    )
    head = "| name | type | default | meaning |\n| --- | --- | --- | --- |\n"
    return f"\n### [[{setting.name}]]\n\n{setting.meaning}\n\n{head}{rows}"


def _rows(section: str) -> str:
    return "".join(f"{_row(setting)}\n" for setting in catalogue().values() if section_of(setting.place) == section)


def _row(setting: Setting) -> str:
    name, flag = setting.place[-1], f"`{setting.flag}`" if setting.flag else ""
    cells = (f"`{name}`", setting.kind, _default(setting), f"`{setting.environment}`", flag, setting.meaning)
    return f"| {' | '.join(cells)} |"


def _default(setting: Setting) -> str:
    default = as_plain(setting.default, is_secret=setting.is_secret)
    if default in (None, "", [], {}):
        return ""
    return f"`{default}`" if isinstance(default, str) else f"`{toml(default)}`"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
