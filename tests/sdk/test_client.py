"""Calls from outside over gRPC: what goes out, and what comes back."""

import asyncio
import socket
import threading
from datetime import timedelta

import pytest
from perdure import CallError, Client, StatusCode, TerminalError, UsageError, codec
from perdure.failures import pack
from perdure_protos.perdure.ingress.v1 import ingress_pb2

from tests.sdk.contract import CounterClient, StoryClient, Word
from tests.sdk.ingress import HELLO, Asked, FakeIngress, Said, hello, meet


def test_a_call_sends_its_request_and_gives_the_response() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        assert await StoryClient(client).do(Word(text="hi")) == Word(text="hello")
        (asked,) = ingress.asked
        assert asked.path == "/testing.v1.Story/Do"
        assert codec.decode(Word, asked.message) == Word(text="hi")
        assert asked.metadata == {}
        assert asked.timeout_s is None

    meet(hello, story)


def test_the_client_of_an_object_fills_in_its_key() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await CounterClient(client, "a").add(Word(number=2))
        assert codec.decode(Word, ingress.asked[0].message) == Word(number=2, counter="a")

    meet(hello, story)


def test_headers_and_idempotency_key_travel_as_metadata() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await StoryClient(client).do(Word(), idempotency_key="order 1", headers={"Tenant": "acme"})
        assert ingress.asked[0].metadata == {"idempotency-key": "order 1", "tenant": "acme"}

    meet(hello, story)


def test_a_message_says_its_mode_and_delay_and_gives_a_handle() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        send = StoryClient(client).do.send
        handle = await send(Word(), delay=timedelta(seconds=1.5))
        assert handle.invocation_id == "inv_1"
        await send(Word())
        assert [asked.metadata for asked in ingress.asked] == [
            {"perdure-mode": "send", "perdure-delay": "1500ms"},
            {"perdure-mode": "send"},
        ]

    meet(hello, story)


def test_a_handle_attaches_by_its_id() -> None:
    async def answer(asked: Asked) -> Said:
        request = ingress_pb2.InvocationRequest.FromString(asked.message)
        assert asked.path.endswith("/Attach")
        value = codec.encode(Word(text=request.invocation_id))
        return Said(ingress_pb2.InvocationResult(value=value).SerializeToString(), request.invocation_id)

    async def story(client: Client, ingress: FakeIngress) -> None:
        assert await client.handle("inv_7", Word).attach() == Word(text="inv_7")

    meet(answer, story)


def test_output_is_none_while_the_invocation_has_not_ended() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.FAILED_PRECONDITION, text="it runs")

    async def story(client: Client, ingress: FakeIngress) -> None:
        assert await client.handle("inv_7", Word).output() is None

    meet(answer, story)


def test_output_is_the_terminal_error_also_where_it_has_the_code_of_one_that_runs() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(invocation_id="inv_7", status=StatusCode.FAILED_PRECONDITION, text="no money", ended=True)

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(TerminalError, match="no money"):
            await client.handle("inv_7", Word).output()

    meet(answer, story)


def test_output_of_an_invocation_that_nobody_knows_is_an_error() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.NOT_FOUND, text="there is no invocation")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(TerminalError, match="NOT_FOUND: there is no invocation"):
            await client.handle("inv_7", Word).output()

    meet(answer, story)


@pytest.mark.parametrize("code", [code for code in StatusCode if code is not StatusCode.OK])
def test_a_terminal_error_comes_back_with_its_code_message_and_details(code: StatusCode) -> None:
    async def answer(asked: Asked) -> Said:
        details = [pack(Word(text="first")), pack(Word(text="second"))]
        return Said(invocation_id="inv_1", status=code, text="zu wenig Geld: 5 €", details=details, ended=True)

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(TerminalError) as raised:
            await StoryClient(client).do(Word())
        assert not isinstance(raised.value, CallError)
        assert (raised.value.code, raised.value.message) == (code, "zu wenig Geld: 5 €")
        assert [pack(detail) for detail in raised.value.details] == [pack(Word(text=t)) for t in ("first", "second")]

    meet(answer, story)


@pytest.mark.parametrize("code", [StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED])
def test_an_answer_of_the_runtime_that_leaves_the_outcome_open_tells_the_invocation(code: StatusCode) -> None:
    async def answer(asked: Asked) -> Said:
        return Said(invocation_id="inv_1", status=code, text="the endpoint is away")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(CallError, match="the endpoint is away") as raised:
            await StoryClient(client).do(Word())
        assert (raised.value.code, raised.value.invocation_id) == (code, "inv_1")

    meet(answer, story)


def test_a_failure_inside_the_runtime_leaves_the_outcome_open() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.INTERNAL, text="the runtime failed to answer")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(CallError, match="the runtime failed"):
            await StoryClient(client).do(Word())

    meet(answer, story)


def test_a_call_that_the_runtime_refuses_is_a_terminal_error() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.INVALID_ARGUMENT, text="the key is empty")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(TerminalError, match="the key is empty") as raised:
            await StoryClient(client).do(Word())
        assert not isinstance(raised.value, CallError)

    meet(answer, story)


def test_nobody_listening_is_said_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        async def run() -> None:
            async with Client(f"127.0.0.1:{port}") as client:
                with pytest.raises(CallError, match="start a runtime with `perdure dev`"):
                    await StoryClient(client).do(Word())

        asyncio.run(run())


def test_something_else_that_listens_is_a_call_error() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        async with server, Client(f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
            with pytest.raises(CallError):
                await StoryClient(client).do(Word())

    asyncio.run(run())


def test_the_timeout_travels_and_the_answer_to_it_tells_the_invocation() -> None:
    async def answer(asked: Asked) -> Said:
        assert asked.timeout_s is not None
        return Said(invocation_id="inv_1", status=StatusCode.DEADLINE_EXCEEDED, text=f"{asked.timeout_s:.1f}")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(CallError, match=r"5\.0") as raised:
            await StoryClient(client).do(Word())
        assert raised.value.invocation_id == "inv_1"

    meet(answer, story, timeout_s=5.05)


def test_a_runtime_that_never_answers_is_given_up_on_after_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.exchange.GRACE_S", 0.05)

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, Client(address, timeout=timedelta(milliseconds=10)) as client:
            with pytest.raises(CallError) as raised:
                await StoryClient(client).do(Word())
            assert raised.value.code is StatusCode.DEADLINE_EXCEEDED

    asyncio.run(run())


def test_several_hundred_calls_wait_at_once_and_one_connection_is_kept() -> None:
    everybody = 350
    arrived: list[Asked] = []
    all_here = asyncio.Event()

    async def answer(asked: Asked) -> Said:
        arrived.append(asked)
        if len(arrived) == everybody:
            all_here.set()
        await all_here.wait()
        return Said(asked.message, "inv_1")

    async def story(client: Client, ingress: FakeIngress) -> None:
        stories = StoryClient(client)
        words = await asyncio.gather(*[stories.do(Word(number=number)) for number in range(everybody)])
        assert [word.number for word in words] == list(range(everybody))
        assert len(ingress.connections) == 4
        await stories.do(Word())
        assert len(ingress.connections) == 4
        assert len(client._connections._lanes) == 1

    meet(answer, story)


def test_a_call_after_the_runtime_was_restarted_connects_anew() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        for _ in range(3):
            # Blocks this loop meanwhile, so that it has not read yet that the connection has ended.
            assert await StoryClient(client).do(Word()) == Word(text="hello")
            ingress.stop()
            ingress.start()

    meet(hello, story)


def test_a_connection_that_breaks_under_a_call_is_a_call_error_and_the_next_call_connects_anew() -> None:
    going = threading.Event()

    async def never(asked: Asked) -> Said:
        going.set()
        await asyncio.Event().wait()
        return HELLO

    async def story(client: Client, ingress: FakeIngress) -> None:
        waiting = asyncio.ensure_future(StoryClient(client).do(Word()))
        await asyncio.to_thread(going.wait, 10)
        await asyncio.to_thread(ingress.stop)
        with pytest.raises(CallError) as raised:
            await waiting
        assert raised.value.code is StatusCode.UNAVAILABLE
        assert len(ingress.asked) == 1
        ingress.answer = hello
        ingress.start()
        assert await StoryClient(client).do(Word()) == Word(text="hello")

    meet(never, story)


def test_attaching_keeps_the_id_when_the_connection_breaks() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        ingress.stop()
        with pytest.raises(CallError) as raised:
            await client.handle("inv_7", Word).attach()
        assert raised.value.invocation_id == "inv_7"

    meet(hello, story)


def test_messages_of_32_mib_go_both_ways() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(asked.message, "inv_1")

    async def story(client: Client, ingress: FakeIngress) -> None:
        word = Word(text="x" * (32 * 1024 * 1024 - 16))
        assert await StoryClient(client).do(word) == word

    meet(answer, story)


def test_a_cancelled_call_leaves_the_connection_to_others() -> None:
    going = threading.Event()

    async def answer(asked: Asked) -> Said:
        if codec.decode(Word, asked.message).text == "never":
            going.set()
            await asyncio.Event().wait()
        return HELLO

    async def story(client: Client, ingress: FakeIngress) -> None:
        waiting = asyncio.ensure_future(StoryClient(client).do(Word(text="never")))
        await asyncio.to_thread(going.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await StoryClient(client).do(Word()) == Word(text="hello")
        assert len(ingress.connections) == 1

    meet(answer, story)


def test_closing_ends_the_calls_that_wait_and_refuses_others() -> None:
    going = threading.Event()

    async def answer(asked: Asked) -> Said:
        going.set()
        await asyncio.Event().wait()
        return HELLO

    async def story(client: Client, ingress: FakeIngress) -> None:
        waiting = asyncio.ensure_future(StoryClient(client).do(Word()))
        await asyncio.to_thread(going.wait, 10)
        await client.close()
        with pytest.raises(CallError):
            await waiting
        with pytest.raises(UsageError, match="closed"):
            await StoryClient(client).do(Word())

    meet(answer, story)
