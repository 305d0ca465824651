"""What a query of an operator may take."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

MIB = 1024 * 1024


class SqlSettings(BaseModel):
    """SQL for operators. What goes beyond ends the query, never the node."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = True
    """Whether the admin API answers SQL."""
    rows: int = Field(default=100_000, ge=1, le=100_000)
    """Rows of one answer at most."""
    result_bytes: int = Field(default=16 * MIB, ge=1024)
    """One answer at most, as JSON."""
    memory_bytes: int = Field(default=256 * MIB, ge=4 * MIB)
    """What SQLite may use for one query, such as to sort."""
    time: timedelta = timedelta(seconds=30)
    """One query at most, whatever it asks for."""
    processes: int = Field(default=1, ge=1, le=64)
    """Queries that run at once, each in a process of its own; the others wait in line."""
