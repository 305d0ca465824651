"""What was measured with: a figure without it says nothing."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg


def environment() -> str:
    """What it was measured with, in one paragraph."""
    facts = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    cpu = next((value.strip() for name, _, value in facts if name.strip() == "model name"), "an unknown kind")
    return (
        f"perdure {version('perdure')}, {datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores of {cpu}, Linux "
        f"{platform.release()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} (WAL, "
        f"synchronous=FULL), PostgreSQL with its defaults (fsync and synchronous_commit on), psycopg "
        f"{psycopg.__version__}. Every acknowledged call is on the disk in every row."
    )
