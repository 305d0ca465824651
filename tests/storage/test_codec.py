"""With a payload codec a database holds nothing that a user put in, and gives all of it back."""

from collections.abc import Callable

import pytest
from perdure_protos.perdure.peer.v1.message_pb2 import Message, Result
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, Outcome
from perdure_runtime.partition.rows import Ended, PromiseRow
from perdure_runtime.partition.view import InvocationDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Database, DeploymentRow, StorageFailure
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.postgres import PostgresSurvey
from perdure_runtime.storage.sqlite import SqliteSurvey
from perdure_runtime.storage.views import INVOCATION, JOURNAL_ENTRY, MARK, PROMISE, STATE

from tests.storage.conftest import make_home
from tests.storage.homes import PostgresHome, SqliteHome
from tests.storage.samples import inserting, invocation, save
from tests.storage.scrambling import PREFIX, Scrambling

SECRET = b"4111-1111-1111-1111"


def secrets() -> Writes:
    """The secret wherever a user can put one."""
    outcome, failed = Outcome(value=SECRET), Outcome(failure=Failure(code=9, message=SECRET.decode()))
    rows = [
        invocation("inv_1", input=SECRET),
        invocation("inv_2", input=SECRET * 100),
        invocation("inv_3", Ended(outcome, 1, 2, 3)),
        invocation("inv_4", Ended(failed, 1, 2, 3), input=SECRET * 100),
    ]
    writes = inserting(*rows)
    writes.journal["inv_1", 0] = Entry(completion=Completion(command=0, value=SECRET))
    writes.state["s", "k", "n"] = SECRET
    writes.promises["s", "k", "p"] = PromiseRow(outcome)
    writes.held["inv_1", 0] = outcome
    writes.outbox[0, 0, 1] = Message(result=Result(outcome=outcome))
    return writes


# In so many places.
PLACES = 11


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def home(request: pytest.FixtureRequest, kind: str) -> SqliteHome | PostgresHome:
    """A database without a codec, yet."""
    made = make_home(request, kind)
    assert isinstance(made, SqliteHome | PostgresHome)
    return made


def opened(home: SqliteHome | PostgresHome, codec: PayloadCodec | None) -> Database:
    """The storage there, with its partition."""
    home.codec = codec
    storage = home.open()
    storage.acquire()
    return storage


def stored_in(home: SqliteHome | PostgresHome) -> bytes:
    """All that is there, as it is."""
    if isinstance(home, SqliteHome):
        return b"".join(file.read_bytes() for file in home.path.parent.iterdir())
    namespace = "relnamespace = 'perdure'::regnamespace"
    tables = home.by_hand(f"SELECT relname FROM pg_class WHERE {namespace} AND relkind = 'r'")
    rows = [row for (table,) in tables for row in home.by_hand(f"SELECT * FROM perdure.{table}")]
    return b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)


def test_a_database_with_a_codec_has_no_payload_in_it(home: SqliteHome | PostgresHome) -> None:
    storage = opened(home, Scrambling())
    save(storage, secrets())
    raw = stored_in(home)
    assert SECRET not in raw
    assert raw.count(PREFIX) >= PLACES
    storage.close()
    assert SECRET not in stored_in(home)


def test_without_a_codec_payloads_are_stored_as_they_are(home: SqliteHome | PostgresHome) -> None:
    # Else the test above would find nothing whatever is stored.
    storage = opened(home, None)
    save(storage, secrets())
    assert stored_in(home).count(SECRET) >= PLACES
    storage.close()


def test_surveys_of_others_show_payloads_with_the_codec(home: SqliteHome | PostgresHome) -> None:
    storage = opened(home, Scrambling())
    survey = (
        SqliteSurvey(home.path, Scrambling())
        if isinstance(home, SqliteHome)
        else PostgresSurvey(home.address, Scrambling())
    )
    writes = secrets()
    save(storage, writes)
    outcome = Outcome(value=SECRET).SerializeToString()
    shown = survey.scan(INVOCATION)
    assert [row[INVOCATION.place("input")] for row in shown[:3]] == [SECRET, SECRET * 100, b"input"]
    assert shown[2][INVOCATION.place("outcome")] == outcome
    assert survey.scan(STATE)[0][-1] == SECRET
    assert survey.scan(PROMISE)[0][3] == outcome
    assert survey.scan(JOURNAL_ENTRY)[0][-1] == writes.journal["inv_1", 0].SerializeToString()
    assert [parcel.message for parcel in storage.outbox([0])] == list(writes.outbox.values())
    assert survey.entries("inv_1") == [writes.journal["inv_1", 0]]
    survey.close()
    storage.close()


def test_descriptors_and_definitions_do_not_pass_through_it(home: SqliteHome | PostgresHome) -> None:
    deployment = DeploymentRow("dp_1", "localhost:1", ("s",), b"descriptors", 1)
    storage = opened(home, Scrambling())
    storage.add_deployment(deployment)
    storage.define("schedule", "nightly", b"content")
    assert PREFIX not in stored_in(home)
    assert storage.deployments() == [deployment]
    assert storage.definitions("schedule") == {"nightly": b"content"}
    storage.close()


class Keyless(Scrambling):
    """Has lost its key, and tells more than it should."""

    def encode(self, data: bytes) -> bytes:
        raise LookupError(f"no key for {data!r}")


def test_a_codec_that_fails_fails_the_batch_and_tells_no_payload(home: SqliteHome | PostgresHome) -> None:
    storage = opened(home, Keyless())
    with pytest.raises(StorageFailure, match="the payload codec cannot encode: LookupError; check that") as refused:
        save(storage, Writes(state={("s", "k", "n"): SECRET}, marks={(0, "topic/1"): 1}))
    assert SECRET.decode() not in str(refused.value)
    # Of the batch nothing was kept, and others follow it.
    save(storage, Writes(marks={(0, "topic/2"): 1}))
    assert storage.scan(MARK) == [("topic/2", 0, 1)]
    storage.close()


def test_what_the_codec_cannot_decode_is_no_answer(home: SqliteHome | PostgresHome) -> None:
    plain = opened(home, None)
    save(plain, inserting(invocation("inv_1")))
    plain.close()
    storage = opened(home, Scrambling())
    reads: list[Callable[[], object]] = [
        lambda: storage.load(InvocationDocument("inv_1")),
        lambda: storage.active([0], "", 1),
        lambda: storage.scan(INVOCATION),
    ]
    for read in reads:
        with pytest.raises(StorageFailure, match="the payload codec cannot decode: LookupError; check that this is"):
            read()
    storage.close()
