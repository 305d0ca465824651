"""A process for test_sigkill: commits numbered batches for ever, and prints each number once its commit returned.

Every batch has rows in several tables, all saying its number, so that a torn one shows.
"""

import sys
from pathlib import Path

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome, SetStateCommand
from perdure_runtime.partition.rows import SHARED, Ended, Invocation, ObjectRow, Running, Target, Timer, WakeDue
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Storage
from perdure_runtime.storage.postgres import PostgresStorage
from perdure_runtime.storage.sqlite import SqliteStorage

ROWS = 4
# Long enough for the log to be emptied into the database every hundred batches.
VALUE = bytes(40_000)


def batch(number: int) -> Writes:
    """New rows, and a change of those of the batch before."""
    writes = Writes()
    for n in range(ROWS):
        id = f"inv_{number:06}_{n}"
        target = Target("shop.v1.OrderService", "Process", str(number))
        writes.invocations[id] = Invocation(id, target, SHARED, VALUE, (), "", None, number, Running())
        writes.inserted.add(id)
        writes.journal[id, 0] = Entry(set_state=SetStateCommand(name=str(number), value=VALUE))
        if number > 0:
            before = f"inv_{number - 1:06}_{n}"
            target = Target("shop.v1.OrderService", "Process", str(number - 1))
            status = Ended(Outcome(value=str(number).encode()), number, number, number)
            writes.invocations[before] = Invocation(before, target, SHARED, VALUE, (), "", None, number - 1, status)
    writes.state["counter", "k", "last"] = str(number).encode()
    writes.objects["counter", "k"] = ObjectRow(f"inv_{number:06}_0", number, number)
    writes.timers[Timer(number, f"inv_{number:06}_0", WakeDue(0))] = True
    writes.timers[Timer(number - 1, f"inv_{number - 1:06}_0", WakeDue(0))] = False
    return writes


def open_storage(address: str) -> Storage:
    """The storage at a file or a URL."""
    return PostgresStorage(address, "child") if "://" in address else SqliteStorage(Path(address))


def main(address: str, number: int) -> None:
    """Goes on until it is killed."""
    print("opening", flush=True)
    storage = open_storage(address)
    storage.acquire()
    while True:
        storage.stage(batch(number))
        storage.commit()
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
