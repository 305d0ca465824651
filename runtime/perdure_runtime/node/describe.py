"""Statuses in words, for operators."""

import re

from perdure_runtime.partition.rows import Status


def status_name(status: Status) -> str:
    """As storage and the API write it: "backing_off"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(status).__name__).lower()
