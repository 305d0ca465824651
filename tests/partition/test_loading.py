"""A view that loads answers every question as storage would, and asks it for each document once."""

from perdure_runtime.partition.loading import LoadingView
from perdure_runtime.partition.memory import Content, Memory
from perdure_runtime.partition.rows import IdempotencyKey, Place
from perdure_runtime.partition.view import Document, View

from tests.partition.room import Room
from tests.partition.samples import ALICE, SIGNUP, WRITER, attach, get_promise, set_state


def _answers(view: View) -> list[object]:
    """One of each question."""
    return [
        view.invocation("inv_run"),
        view.journal("inv_run").entries,
        view.listeners("inv_run"),
        view.object(ALICE.service, ALICE.key),
        view.inbox(ALICE.service, ALICE.key, 0),
        view.state(SIGNUP.service, SIGNUP.key),
        view.idempotent(IdempotencyKey(SIGNUP, "")),
        view.promises(SIGNUP.service, SIGNUP.key),
        view.channel(0, 1),
        view.received(1, 0),
        view.held("inv_run"),
        view.mark(0, "topic"),
    ]


def test_each_question_is_answered_from_storage_once(room: Room) -> None:
    room.run("inv_run")
    room.command("inv_run", 0, set_state("step", b"1"))
    room.command("inv_run", 1, get_promise("paid"))
    for id in ("inv_a", "inv_b"):
        room.submit(id, ALICE, mode=WRITER)
    room.command("inv_a", 0, attach("inv_run"))
    loaded: list[Document] = []

    def load(document: Document) -> Content:
        loaded.append(document)
        return room.store.load(document)

    view = LoadingView(Memory(), load)
    assert _answers(view) == _answers(room.store)
    assert view.inbox(ALICE.service, ALICE.key, 0) == Place(0, "inv_b")
    assert _answers(view) == _answers(room.store)
    assert len(loaded) == len(set(loaded)) == 12
