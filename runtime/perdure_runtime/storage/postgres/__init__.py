"""The shared server: a PostgreSQL database with many partitions, each with a node that owns it.

It works behind poolers that give each transaction another session, such as PgBouncer with ``pool_mode = transaction``:
nothing of ours outlives a transaction. No statement is prepared (``prepare_threshold=None``), names are written with
their schema rather than found on a search path, settings are ``SET LOCAL``, locks go with their transactions, nobody
listens for notifications, and a connection asks for no ``options``.

A partition belongs to whoever raised its epoch last. No lock keeps a second node from taking it: the first one's next
commit fails. ``PostgresCluster`` says when a node may: once the lease of the first one is over.
"""

from perdure_runtime.storage.postgres.cluster import PostgresCluster
from perdure_runtime.storage.postgres.records import PostgresRecords
from perdure_runtime.storage.postgres.storage import PostgresStorage
from perdure_runtime.storage.postgres.survey import PostgresSurvey

__all__ = ["PostgresCluster", "PostgresRecords", "PostgresStorage", "PostgresSurvey"]
