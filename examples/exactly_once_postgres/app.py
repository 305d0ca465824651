"""Exactly once on your own PostgreSQL: a transfer that has one effect, wherever its process dies."""

import os

import perdure
from transfers.v1 import TransferRequest, TransferResult, TransfersHandlers

from examples.exactly_once_postgres.bank import Bank

# Where the accounts are; empty means what the PG* variables of libpq say.
DATABASE = os.environ.get("DATABASE_URL", "")


class Transfers(TransfersHandlers):
    """Transfers at one bank."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    async def transfer(self, ctx: perdure.Context, request: TransferRequest) -> TransferResult:
        # The same in every attempt: it names this step to the database.
        key = ctx.uuid4()
        left = await ctx.run("transfer", self._bank.transfer, key, request.source, request.target, request.cents)
        return TransferResult(transfer_id=str(key), left_cents=left)


app = perdure.Endpoint(Transfers(Bank(DATABASE)))
