"""Calls between handlers: typed, in order, one way, later, by name, by handle."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import perdure
import pytest
from conformance.v1 import (
    Connection,
    DiaryClient,
    Errand,
    Key,
    KeyText,
    LockClient,
    SwitchboardClient,
    Text,
    Texts,
    WriterClient,
)

from tests.conformance.stage import Stage

feature = pytest.mark.feature
WORDS = [f"word {number}" for number in range(20)]


@feature("calls and sends between handlers")
def test_calls_one_after_the_other_arrive_in_order(client: perdure.SyncClient, scene: str) -> None:
    assert WriterClient(client).call_each(Errand(diary=scene, texts=WORDS)).texts == WORDS


@feature("calls and sends between handlers")
def test_calls_started_at_once_arrive_in_the_order_of_starting(client: perdure.SyncClient, scene: str) -> None:
    assert WriterClient(client).call_all(Errand(diary=scene, texts=WORDS)).texts == WORDS


@feature("calls and sends between handlers")
def test_messages_arrive_in_the_order_of_sending_and_before_a_later_call(
    client: perdure.SyncClient, scene: str
) -> None:
    assert WriterClient(client).send_all(Errand(diary=scene, texts=WORDS)).texts == WORDS


@feature("calls and sends between handlers")
def test_many_senders_lose_nothing_and_keep_each_ones_order(client: perdure.SyncClient, scene: str) -> None:
    senders = [[f"{sender}/{number}" for number in range(10)] for sender in range(8)]
    with ThreadPoolExecutor(max_workers=len(senders)) as callers:
        list(callers.map(lambda texts: WriterClient(client).send_all(Errand(diary=scene, texts=texts)), senders))

    lines = DiaryClient(client, scene).read(Key()).texts
    assert sorted(lines) == sorted(text for texts in senders for text in texts)
    for sender, texts in enumerate(senders):
        assert [line for line in lines if line.startswith(f"{sender}/")] == texts


@feature("calls and sends between handlers")
def test_calls_and_messages_by_turns_arrive_in_order(client: perdure.SyncClient, scene: str) -> None:
    assert WriterClient(client).by_turns(Errand(diary=scene, texts=WORDS)).texts == WORDS


@feature("calls and sends between handlers")
def test_a_large_message_goes_through_handlers_and_journals(client: perdure.SyncClient, scene: str) -> None:
    large = "tea" * 1_000_000

    assert WriterClient(client).call_each(Errand(diary=scene, texts=[large])).texts == [large]


@feature("delayed sends between handlers")
def test_delayed_messages_arrive_by_their_delays(client: perdure.SyncClient, scene: str) -> None:
    errand = Errand(diary=scene, texts=["soon", "later"], delay=timedelta(milliseconds=40))

    ids = WriterClient(client).send_later(errand).texts

    assert client.handle(ids[1], Texts).attach().texts == ["soon", "later"]


@feature("delayed sends between handlers")
def test_a_delayed_message_does_not_hold_its_sender_or_its_key(client: perdure.SyncClient, scene: str) -> None:
    (sent,) = WriterClient(client).send_later(Errand(diary=scene, texts=["far"], delay=timedelta(days=100))).texts

    assert DiaryClient(client, scene).append(KeyText(text="now")).texts == ["now"]
    assert client.handle(sent, Texts).output() is None


@feature("idempotency keys between handlers")
def test_calls_and_sends_of_handlers_with_one_key_are_one_invocation(client: perdure.SyncClient, scene: str) -> None:
    ids = WriterClient(client).repeat(Errand(diary=scene, texts=["a", "b"])).texts

    assert ids[:2] == ids[2:]
    assert DiaryClient(client, scene).read(Key()).texts == ["a", "b"]


@feature("one writer a key: exclusive handlers")
def test_a_second_writer_of_a_key_waits_for_the_first(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    diary = DiaryClient(client, scene)
    first = diary.append_when_answered.send(KeyText(text="first"))
    stage.wait_for_line(scene, "first")
    second = diary.append.send(KeyText(text="second"))
    # What asks about the second gets its answer after it has been taken in.
    assert second.output() is None
    stage.answer(scene, "first", "")

    assert second.attach().texts == ["first", "second"]
    assert first.attach().texts == ["first"]


@feature("shared handlers run beside the writer")
def test_a_shared_handler_runs_while_the_key_is_held(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    diary = DiaryClient(client, scene)
    diary.append(KeyText(text="old"))
    writing = diary.append_when_answered.send(KeyText(text="new"))
    stage.wait_for_line(scene, "new")

    assert diary.read(Key()).texts == ["old"]

    stage.answer(scene, "new", "")
    writing.attach()
    assert diary.read(Key()).texts == ["old", "new"]


@feature("one writer a key: exclusive handlers")
def test_keys_do_not_wait_for_one_another(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    held = LockClient(client, scene).hold.send(Key())
    stage.wait_for_line(scene, "hold")
    other = f"{scene}-other"
    stage.answer(other, "hold", "free")

    assert LockClient(client, other).hold(Key()).text == "free"

    stage.answer(scene, "hold", "at last")
    assert held.attach().text == "at last"


@feature("generic calls by name with raw bytes")
def test_a_handler_calls_by_name_with_bytes(client: perdure.SyncClient, scene: str) -> None:
    connection = Connection("conformance.v1.Diary", "Append", scene, bytes(KeyText(key=scene, text="by name")))

    answer = SwitchboardClient(client).call(connection)

    assert Texts().parse(answer.payload).texts == ["by name"]


@feature("generic calls by name with raw bytes")
def test_a_handler_sends_by_name_with_bytes(client: perdure.SyncClient, scene: str) -> None:
    connection = Connection("conformance.v1.Diary", "Append", scene, bytes(KeyText(key=scene, text="by name")))

    sent = SwitchboardClient(client).send(connection).text

    assert client.handle(sent, Texts).attach().texts == ["by name"]


@feature("invocation handles in handlers: id, attach, output")
def test_a_handler_looks_at_what_it_has_sent_and_attaches_to_it(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    attaching = WriterClient(client).attach_later.send(Errand(diary=scene, texts=["sent"]))
    # The output was asked for before the diary had its answer.
    stage.answer(scene, "attach?", "yes")
    stage.wait_for_line(scene, "attach?")
    stage.answer(scene, "sent", "")

    assert attaching.attach().texts == ["none", "sent", "sent"]


@feature("invocation handles in handlers: id, attach, output")
def test_a_handler_attaches_by_an_id_that_somebody_else_knows(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    sent = DiaryClient(client, scene).append_when_answered.send(KeyText(text="sent"))
    attaching = WriterClient(client).attach_to.send(Text(text=sent.invocation_id))
    stage.answer(scene, "sent", "")

    assert attaching.attach().texts == ["sent"]


@feature("invocation handles in handlers: id, attach, output")
def test_a_handler_that_attaches_to_nothing_gets_an_error(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError) as refused:
        WriterClient(client).attach_to(Text(text="inv_00000000000000000000000000"))

    assert refused.value.code is perdure.StatusCode.NOT_FOUND
