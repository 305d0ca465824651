"""The same endpoint, which dies at the worst moment: the money has moved, and the runtime has not heard of it."""

import os
import signal
from uuid import UUID

import perdure

from examples.exactly_once_postgres.app import DATABASE, Transfers
from examples.exactly_once_postgres.bank import Bank


class DeadlyBank(Bank):
    """Kills its process when a transfer is committed."""

    def transfer(self, key: UUID, source: str, target: str, cents: int) -> int:
        """Moves money, and returns to nobody."""
        left = super().transfer(key, source, target, cents)
        os.kill(os.getpid(), signal.SIGKILL)
        return left


app = perdure.Endpoint(Transfers(DeadlyBank(DATABASE)))
