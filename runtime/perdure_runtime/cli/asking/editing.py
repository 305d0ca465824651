"""State of objects and workflows, changed: in an editor, or field by field.

A change says which version of the state it was made from, so nobody overwrites what he has not seen.
"""

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from perdure_protos.perdure.admin.v1.state_pb2 import EditStateRequest, State

from perdure_runtime.cli.asking.confirming import confirm
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.state import read
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import say
from perdure_runtime.cli.problem import Problem


def edit_fields(
    connection: Connection, service: str, key: str, sets: Sequence[str], clears: Sequence[str], version: str
) -> None:
    """Sets and clears fields. Raises Problem."""
    values: dict[str, object] = dict.fromkeys(clears)
    for text in sets:
        field, equals, value = text.partition("=")
        if not equals or not field:
            raise Problem(f"--set: {text!r} sets no field; write FIELD=JSON, such as balance=12.5 or name='\"ada\"'")
        values[field] = _parsed(f"--set: the value of {field}", value)
    state = read(connection, service, key)
    _change(connection, state, version or state.version, values, replace=False)


def edit_by_hand(connection: Connection, service: str, key: str, version: str) -> None:
    """Lets the operator edit all fields as a JSON object. Raises Problem."""
    state = read(connection, service, key)
    unreadable = [value.name for value in state.values if not value.value.json]
    if unreadable:
        raise Problem(f"{', '.join(unreadable)} cannot be shown as JSON; change other fields with --set and --clear")
    before = {value.name: json.loads(value.value.json) for value in state.values}
    after = _parsed("what you wrote", _edited(json.dumps(before, indent=2, ensure_ascii=False) + "\n"))
    if not isinstance(after, dict):
        raise Problem("what you wrote is no JSON object of the fields of the state; nothing was changed")
    if after == before:
        say("nothing was changed")
        return
    _change(connection, state, version or state.version, after, replace=True)


def clear(connection: Connection, service: str, key: str, *, yes: bool) -> None:
    """Clears all fields. Raises Problem."""
    state = read(connection, service, key)
    if not state.values:
        say("there is no state")
        return
    if not yes:
        confirm(f"clear {', '.join(value.name for value in state.values)} of {service} {key}?")
    _change(connection, state, state.version, {}, replace=True)


def _change(connection: Connection, state: State, version: str, values: dict[str, object], *, replace: bool) -> None:
    request = EditStateRequest(
        service=state.service, key=state.key, version=version, values=json.dumps(values), replace=replace
    )
    changed = ask(connection, request, State)
    say(f"{changed.service} {changed.key} is changed; its state is of version {changed.version}")


def _parsed(what: str, text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{what} is no JSON: {error}; nothing was changed") from error
    return value


def _edited(text: str) -> str:
    """What the operator makes of a text."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state.json")
        file.write_text(text, encoding="utf-8")
        try:
            ended = subprocess.run([*shlex.split(editor), str(file)], check=False)
        except (OSError, ValueError) as error:
            raise Problem(f"{editor!r} cannot be run as an editor: {error}; name another with $EDITOR") from error
        if ended.returncode:
            raise Problem(f"the editor ended with exit code {ended.returncode}; nothing was changed", exit_code=1)
        return file.read_text(encoding="utf-8")
