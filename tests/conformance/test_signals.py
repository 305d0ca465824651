"""Signals: messages by name to an invocation that runs, kept until it waits for them."""

import perdure
import pytest
from conformance.v1 import FactsClient, ListenerClient, Listening, Nothing, Signal, Text, Texts

from tests.conformance.grpc_caller import GrpcCaller, by_id
from tests.conformance.json_caller import JsonCaller
from tests.conformance.stage import Stage

feature = pytest.mark.feature


def listening(client: perdure.SyncClient, *names: str) -> perdure.BlockingInvocationHandle[Texts]:
    """A handler that waits for signals of these names, one after the other."""
    return ListenerClient(client).listen_to.send(Listening(names=list(names)))


@feature("signals to an invocation")
def test_a_handler_gets_the_signals_of_a_name_in_the_order_of_sending(
    client: perdure.SyncClient,
) -> None:
    handle = listening(client, "word", "word", "word")

    for text in ("a", "b", "c"):
        handle.signal("word", Text(text=text))

    assert handle.attach().texts == ["a", "b", "c"]


@feature("signals to an invocation")
def test_signals_of_different_names_do_not_take_each_others_place(client: perdure.SyncClient) -> None:
    handle = listening(client, "left", "right", "left")

    for name, text in (("right", "r"), ("left", "l1"), ("left", "l2")):
        handle.signal(name, Text(text=text))

    assert handle.attach().texts == ["l1", "r", "l2"]


@feature("signals to an invocation")
def test_signals_that_come_before_anybody_waits_are_kept(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    handle = ListenerClient(client).listen.send(Listening(scene=scene))
    stage.wait_for_line(scene, "how many?")
    handle.signal("word", Text(text="early"))
    handle.signal("word", Text(text="also early"))
    stage.answer(scene, "how many?", "2")

    assert handle.attach().texts == ["early", "also early"]


@feature("signals to an invocation")
def test_a_handler_signals_an_invocation(client: perdure.SyncClient) -> None:
    handle = listening(client, "word")

    said = ListenerClient(client).say(Signal(handle.invocation_id, "word", "from a handler"))

    assert not said.code
    assert handle.attach().texts == ["from a handler"]


@feature("signals to an invocation")
def test_grpc_signals_an_invocation(client: perdure.SyncClient, grpc_caller: GrpcCaller) -> None:
    handle = listening(client, "word")

    grpc_caller.signal(by_id(handle.invocation_id), "word", bytes(Text(text="by grpc")))

    assert handle.attach().texts == ["by grpc"]


@feature("signals to an invocation")
def test_http_signals_an_invocation_with_json(client: perdure.SyncClient, caller: JsonCaller) -> None:
    handle = listening(client, "word")

    path = f"/invocations/{handle.invocation_id}/signals/word?type=conformance.v1.Text"
    assert caller.post(path, {"text": "by http"}).status == 202

    assert handle.attach().texts == ["by http"]


@feature("signals to an invocation")
def test_an_invocation_that_has_ended_takes_no_signals(client: perdure.SyncClient) -> None:
    handle = FactsClient(client).tell.send(Nothing())
    handle.attach()

    with pytest.raises(perdure.TerminalError):
        handle.signal("word", Text())
    assert ListenerClient(client).say(Signal(handle.invocation_id, "word")).code == perdure.StatusCode.NOT_FOUND.value
