"""What goes wrong with PostgreSQL, told to people."""

import psycopg
from google.protobuf.message import DecodeError

from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.codec import NO_CODEC, CodecFailure

# Raised for values that no column can hold: integers beyond 64 bits, and text with half a surrogate pair; and for
# payloads that their codec cannot encode.
UNFIT = (OverflowError, UnicodeEncodeError, CodecFailure)
# Raised for rows that no perdure of this version has written, or that the codec cannot decode.
UNREADABLE = (ValueError, DecodeError, CodecFailure)

_AWAY = "the server cannot be reached: start it, or check its address"
_NOT_LET_IN = "the server answers, but lets nobody in: check the database, the user and the password of the address"
_CONTRADICTION = "rows in the database contradict the node's memory: please report this"
# By SQLSTATE, or its first characters: two are its class.
_HELP = {
    "PD001": _CONTRADICTION,
    "08": _AWAY,
    "23": _CONTRADICTION,
    "25P": "this node was stopped in the middle of a transaction, and the server ended it",
    "25006": "the server takes no writes, as a standby does: name the primary",
    "42501": "this user may not do that: grant it CREATE on the database, or make it the owner of the schema perdure",
    "53100": "the server's disk is full: free some space",
    "54": "a value is larger than PostgreSQL can hold",
    "55P03": "somebody holds the partition in the middle of a commit, or did until the connection broke: try again",
    "57014": "the server ended the statement: raise statement_timeout for this user",
    "57P": _AWAY,
    "58": "the server's disk failed to read or write: look at its log",
    "XX001": "the database is damaged: restore it from a backup",
    "XX002": "the database is damaged: restore it from a backup",
}


def failure(doing: str, place: str, error: Exception) -> StorageFailure:
    """The error that callers of the port see."""
    if isinstance(error, psycopg.Error):
        said, help = _said(error), _help(error)
    else:
        said, help = str(error), "a row is damaged, or a newer perdure or a hand wrote it"
        # Half a surrogate pair is a ValueError too.
        if isinstance(error, CodecFailure):
            help = NO_CODEC
        elif isinstance(error, UNFIT):
            help = "a value is not what PostgreSQL can hold"
    return StorageFailure(f"{doing} failed on {place}: {said}" + (f"; {help}" if help else ""))


def _said(error: psycopg.Error) -> str:
    # libpq wraps its lines, and a server adds details that are long.
    return error.diag.message_primary or " ".join(str(error).split())


def _help(error: psycopg.Error) -> str:
    state = error.sqlstate
    if state is None:
        # libpq found out by itself, or the server said so before there was a connection that could have a state.
        if not isinstance(error, psycopg.OperationalError):
            return ""
        return _NOT_LET_IN if "FATAL" in str(error) else _AWAY
    return next((_HELP[known] for known in (state, state[:3], state[:2]) if known in _HELP), "")
