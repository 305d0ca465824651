"""What a node has journaled so far, read from its own file while it runs."""

import sqlite3
from collections import defaultdict
from pathlib import Path

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry


def acknowledged_steps(data: Path) -> list[str]:
    """Names of the steps whose results are durable, in the order of the journals."""
    with sqlite3.connect(f"file:{data / 'perdure.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT invocation_id, entry FROM journal_entry ORDER BY invocation_id, position")
        entries = [(invocation_id, Entry.FromString(entry)) for invocation_id, entry in rows]
    database.close()
    commands: dict[str, list[Entry]] = defaultdict(list)
    names = []
    for invocation_id, entry in entries:
        match entry.WhichOneof("entry"):
            case "completion":
                completed = commands[invocation_id][entry.completion.command]
                if completed.HasField("run"):
                    names.append(completed.run.name)
            case "step_failure":
                pass  # No command, and no result.
            case _:
                commands[invocation_id].append(entry)
    return names
