"""The blocking client: the same calls, from any thread but that of an event loop."""

import asyncio
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from perdure import CallError, StatusCode, SyncClient, TerminalError, UsageError, codec
from perdure_protos.perdure.ingress.v1 import ingress_pb2

from tests.sdk.contract import CounterClient, StoryClient, Word
from tests.sdk.ingress import Asked, FakeIngress, Said


async def echo(asked: Asked) -> Said:
    """Answers with what it got."""
    if asked.path.endswith(("/Attach", "/Output")):
        value = codec.encode(Word(text="attached"))
        return Said(ingress_pb2.InvocationResult(value=value).SerializeToString(), "inv_1")
    return Said(asked.message, "inv_1")


def test_it_calls_sends_attaches_and_asks_for_the_output() -> None:
    with FakeIngress(echo) as ingress, SyncClient(ingress.address) as client:
        assert CounterClient(client, "a").add(Word(number=1)) == Word(number=1, counter="a")
        handle = StoryClient(client).do.send(Word())
        assert handle.invocation_id == "inv_1"
        assert handle.attach() == Word(text="attached")
        assert handle.output() == Word(text="attached")
        assert client.handle("inv_1", Word).attach() == Word(text="attached")


def test_errors_are_those_of_the_async_client() -> None:
    async def refuse(asked: Asked) -> Said:
        return Said(invocation_id="inv_1", status=StatusCode.NOT_FOUND, text="no such word", ended=True)

    refused = pytest.raises(TerminalError, match="NOT_FOUND: no such word")
    with FakeIngress(refuse) as ingress, SyncClient(ingress.address) as client, refused:
        StoryClient(client).do(Word())


def test_threads_share_it_and_wait_at_once() -> None:
    everybody = 150
    arrived: list[Asked] = []
    all_here = asyncio.Event()

    async def answer(asked: Asked) -> Said:
        arrived.append(asked)
        if len(arrived) == everybody:
            all_here.set()
        await all_here.wait()
        return Said(asked.message)

    with FakeIngress(answer) as ingress, SyncClient(ingress.address) as client, ThreadPoolExecutor(everybody) as pool:
        stories = StoryClient(client)
        words = pool.map(lambda number: stories.do(Word(number=number)), range(everybody))
        assert [word.number for word in words] == list(range(everybody))


def test_it_refuses_to_block_an_event_loop_and_names_the_right_class() -> None:
    async def run(client: SyncClient) -> None:
        with pytest.raises(UsageError, match=r"perdure\.Client"):
            StoryClient(client).do(Word())
        assert await asyncio.to_thread(StoryClient(client).do, Word(number=1)) == Word(number=1)

    with FakeIngress(echo) as ingress, SyncClient(ingress.address) as client:
        asyncio.run(run(client))


def test_closing_ends_the_calls_of_other_threads_and_refuses_others() -> None:
    going = threading.Event()

    async def never(asked: Asked) -> Said:
        going.set()
        await asyncio.Event().wait()
        return Said()

    with FakeIngress(never) as ingress, ThreadPoolExecutor() as pool:
        client = SyncClient(ingress.address)
        waiting = pool.submit(StoryClient(client).do, Word())
        assert going.wait(10)
        client.close()
        client.close()
        with pytest.raises(CallError):
            waiting.result(10)
        with pytest.raises(UsageError, match="closed"):
            StoryClient(client).do(Word())


def test_a_client_that_never_called_closes() -> None:
    with SyncClient("localhost:8080"):
        pass


def test_a_wrong_address_is_refused_where_it_is_written() -> None:
    with pytest.raises(UsageError, match="localhost:8080"):
        SyncClient("localhost")


def _call_in_child(client: SyncClient, answers: "multiprocessing.Queue[str]") -> None:
    answers.put(StoryClient(client).do(Word(text="child")).text)


def test_a_process_that_forks_after_a_call_can_call_in_the_child() -> None:
    context = multiprocessing.get_context("fork")
    with FakeIngress(echo) as ingress, SyncClient(ingress.address) as client:
        StoryClient(client).do(Word())
        answers: multiprocessing.Queue[str] = context.Queue()
        child = context.Process(target=_call_in_child, args=(client, answers))
        child.start()
        assert answers.get(timeout=20) == "child"
        child.join()
        assert StoryClient(client).do(Word(text="parent")).text == "parent"
