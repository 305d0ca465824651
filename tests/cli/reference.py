"""The reference of docs/cli.md, made from the app: ``python -m tests.cli.reference`` writes it anew."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from perdure_runtime.cli.choice import Choice
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.main import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
BEGIN = "<!-- The rest of this page is written by `python -m tests.cli.reference`. -->\n"
# Options that many commands take are told once.
BUNDLES = {
    "connection options": {field.name for field in dataclasses.fields(Connection)},
    "choosing options": {field.name for field in dataclasses.fields(Choice)},
}
LINKS = {name: f"[{name}](#{name.replace(' ', '-')})" for name in BUNDLES}


def commands() -> dict[str, Any]:
    """Every command that people see, by its words, such as "invocations list"."""
    return dict(_below(typer.main.get_command(app), ()))


def reference() -> str:
    """The part of the page that is written from the app."""
    sections = [_bundle("Connection options", "connection options", "deployments list")]
    sections.append(_bundle("Choosing options", "choosing options", "invocations list"))
    sections += [_section(name, command) for name, command in sorted(commands().items())]
    return "\n".join(sections)


def page() -> str:
    """The whole page: its written part as it is, the reference anew."""
    written, begin, _ = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    assert begin, f"{PAGE} has no line {BEGIN!r}"
    return f"{written}{BEGIN}\n{reference()}"


def _below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        if inner.hidden:
            continue
        if hasattr(inner, "commands"):
            if inner.invoke_without_command:
                yield " ".join((*words, name)), inner
            yield from _below(inner, (*words, name))
        else:
            yield " ".join((*words, name)), inner


def _bundle(title: str, bundle: str, example: str) -> str:
    parameters = [each for each in commands()[example].params if each.name in BUNDLES[bundle]]
    return f"## {title}\n\n{_table(parameters)}\n"


def _section(name: str, command: Any) -> str:
    taken = {bundle for bundle, names in BUNDLES.items() if names <= {each.name for each in command.params}}
    told = {name for bundle in taken for name in BUNDLES[bundle]}
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name not in told]
    usage = " ".join([f"perdure {name}", *(_usage(each) for each in arguments)])
    lines = [f"## perdure {name}", "", command.help.strip().replace("\n", " "), "", f"```\n{usage}\n```", ""]
    explained = [each for each in arguments if each.help]
    lines += [_table([*explained, *options]), ""] if explained or options else []
    if taken:
        lines += [f"And the {' and the '.join(LINKS[bundle] for bundle in BUNDLES if bundle in taken)}.", ""]
    return "\n".join(lines)


def _usage(argument: Any) -> str:
    shown = str(argument.metavar or argument.name.upper())
    return shown if argument.required or shown.startswith("[") else f"[{shown}]"


def _table(parameters: list[Any]) -> str:
    rows = [f"| {_names(each)} | {_meaning(each)} |" for each in parameters]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    takes = "" if parameter.is_flag else f" `{parameter.metavar or parameter.bare_type().upper()}`"
    return names + takes


def _meaning(parameter: Any) -> str:
    meaning = " ".join((parameter.help or "").split()).replace("|", "\\|")
    default = parameter.default
    if default not in (None, "", False) and not callable(default) and "[default" not in meaning:
        meaning += f" Default: `{default}`."
    if parameter.envvar:
        meaning += f" Environment: `{parameter.envvar}`."
    return meaning


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
