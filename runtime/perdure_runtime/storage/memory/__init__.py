"""The memory fake: obeys the contracts of the ports without a disk, for simulations and for work that may be lost.

``Rows`` is what would be in the database: it outlives the storage objects and clusters that are opened over it.
"""

from perdure_runtime.storage.memory.cluster import MemoryCluster
from perdure_runtime.storage.memory.rows import Rows
from perdure_runtime.storage.memory.storage import MemoryStorage

__all__ = ["MemoryCluster", "MemoryStorage", "Rows"]
