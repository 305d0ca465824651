"""What goes wrong in SQLite, told to people."""

import sqlite3
from pathlib import Path

from google.protobuf.message import DecodeError

from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.codec import NO_CODEC, CodecFailure

# Raised for values that SQLite cannot hold: integers beyond 64 bits, and text with half a surrogate pair; and for
# payloads that their codec cannot encode.
UNFIT = (OverflowError, UnicodeEncodeError, CodecFailure)
# Raised for rows that no perdure of this version has written, or that the codec cannot decode.
UNREADABLE = (ValueError, DecodeError, CodecFailure)

# The primary result codes of SQLite; the upper bits of a code only say more of the same.
_HELP = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write: look at the system's log",
    sqlite3.SQLITE_BUSY: "another program holds the database for writing: close it",
    sqlite3.SQLITE_LOCKED: "another program holds the database for writing: close it",
    sqlite3.SQLITE_READONLY: "the file or its directory cannot be written: check its permissions",
    sqlite3.SQLITE_PERM: "the file or its directory cannot be written: check its permissions",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: check that its directory is there and can be written",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database: name another file for perdure's data",
    sqlite3.SQLITE_TOOBIG: "a value is larger than SQLite can hold",
    sqlite3.SQLITE_CONSTRAINT: "rows in the database contradict the node's memory: please report this",
}


def failure(doing: str, path: Path, error: Exception) -> StorageFailure:
    """The error that callers of the port see."""
    help = ""
    if isinstance(error, sqlite3.Error):
        # Errors of the sqlite3 module itself, such as the use of a closed connection, have no code.
        code = getattr(error, "sqlite_errorcode", None)
        help = _HELP.get(code & 0xFF, "") if isinstance(code, int) else ""
    elif isinstance(error, CodecFailure):
        help = NO_CODEC
    elif isinstance(error, UNFIT):
        help = "a value is not what SQLite can hold"
    elif isinstance(error, UNREADABLE):
        help = "a row is damaged, or a newer perdure or a hand wrote it"
    return StorageFailure(f"{doing} failed on {path}: {error}" + (f"; {help}" if help else ""))
