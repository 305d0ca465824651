"""Three nodes on one PostgreSQL: whoever dies, stops or freezes, calls go on at the others, once."""

import itertools
import re
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import perdure
import psycopg
import pytest
from conformance.v1 import DiaryClient, Errand, Key, KeyText, StepsClient, Text, WriterClient
from perdure_runtime.partition.placement import Placement

from examples.demo.processes import Service, free_port
from tests.conformance import town as towns
from tests.conformance.operator_desk import eventually
from tests.conformance.town import LEASE_S, Node, Town

PLACEMENT = Placement(64)
TIMEOUT = timedelta(seconds=30)
# A node that takes over looks again, loads what it has taken, and shares two processors with all others.
MOMENT_S = 4.0


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """The handlers of the conformance suite on nodes of their own."""
    with towns.nodes(tmp_path) as running:
        wait_until_all_have_a_share(running)
        yield running


def ask_database(town: Town, query: str, *values: object) -> list[tuple[object, ...]]:
    """Rows of the database."""
    process = process_of(town.nodes[0])
    with psycopg.connect(process.environment["PERDURE_STORAGE"], autocommit=True) as connection:
        return connection.execute(query.encode(), values).fetchall()


def process_of(node: Node) -> Service:
    """The process of a node of ours."""
    assert node.process is not None
    return node.process


def id_of(node: Node) -> str:
    """What the cluster calls a node."""
    *_, last = re.finditer(r"(node-\w+) for peers on", process_of(node).log.read_text())
    return last[1]


def wait_until_all_have_a_share(town: Town) -> None:
    """Nodes that have just come have nothing yet."""
    ids = sorted(map(id_of, town.nodes))
    owners = "SELECT DISTINCT owner FROM perdure.partition ORDER BY owner"
    assert eventually(lambda: [owner for (owner,) in ask_database(town, owners)] == ids)


def owner_of(town: Town, partition: int) -> Node:
    """The node that has a partition."""
    ((owner,),) = ask_database(town, "SELECT owner FROM perdure.partition WHERE partition = %s", partition)
    (node,) = (node for node in town.nodes if id_of(node) == owner)
    return node


def of_key(key: str) -> int:
    """The partition of a diary."""
    return PLACEMENT.of_key("conformance.v1.Diary", key)


def others(town: Town, node: Node) -> list[Node]:
    """All nodes but one."""
    return [each for each in town.nodes if each != node]


class Writers:
    """Callers that write numbered lines into diaries, one after another, each through a node of its own."""

    def __init__(self, diaries: list[str], nodes: list[Node]) -> None:
        self.written = {diary: list[str]() for diary in diaries}
        self.slowest_s = 0.0
        self._nodes = nodes
        self._stop = threading.Event()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """They write meanwhile, and some lines more. Raises the first error that one of them got."""
        nodes = itertools.cycle(self._nodes)
        with ThreadPoolExecutor(len(self.written)) as pool:
            futures = [pool.submit(self._write, diary, node) for diary, node in zip(self.written, nodes, strict=False)]
            try:
                self._wait_for_lines(futures)
                yield
                self._wait_for_lines(futures)
            finally:
                self._stop.set()

    def _wait_for_lines(self, futures: "list[Future[None]]") -> None:
        """Until each has written some more."""
        due = {diary: len(lines) + 3 for diary, lines in self.written.items()}

        def have_written() -> bool:
            for failed in (future for future in futures if future.done()):
                failed.result()
            return all(len(self.written[diary]) >= count for diary, count in due.items())

        assert eventually(have_written), f"somebody waits: {due}, and there are {self.written}"

    def _write(self, diary: str, node: Node) -> None:
        with perdure.SyncClient(node.ingress, timeout=TIMEOUT) as client:
            lines = self.written[diary]
            while not self._stop.is_set():
                began = time.monotonic()
                line = str(len(lines))
                assert DiaryClient(client, diary).append(KeyText(text=line)).texts == [*lines, line]
                lines.append(line)
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)


def diaries(count: int) -> list[str]:
    """Names that nobody else uses."""
    return [uuid.uuid4().hex for _ in range(count)]


def test_the_call_of_a_node_that_is_killed_goes_on_at_another_one(town: Town) -> None:
    diary = uuid.uuid4().hex
    partition = of_key(diary)
    owner = owner_of(town, partition)
    other = others(town, owner)[0]
    with perdure.SyncClient(other.ingress, timeout=TIMEOUT) as client, ThreadPoolExecutor() as callers:
        # It stays in its step until it is answered; the key has no other writer meanwhile.
        calling = callers.submit(DiaryClient(client, diary).append_when_answered, KeyText(text="first"))
        town.stage.wait_for_line(diary, "first")

        process_of(owner).kill()
        killed = time.monotonic()
        town.stage.answer_always(diary, "first", "")

        assert calling.result().texts == ["first"]
        assert time.monotonic() - killed < LEASE_S + MOMENT_S
        assert DiaryClient(client, diary).append(KeyText(text="second")).texts == ["first", "second"]
    assert owner_of(town, partition) != owner


def test_a_node_that_is_asked_to_end_hands_over_and_no_caller_of_the_others_sees_it(town: Town) -> None:
    leaving, *staying = town.nodes
    writers = Writers(diaries(12), staying)
    process = process_of(leaving).process
    assert process is not None
    with writers.writing():
        process_of(leaving).stop()
        left = ask_database(town, "SELECT count(*) FROM perdure.partition WHERE owner = %s", id_of(leaving))
        assert left == [(0,)]
    assert process.returncode == 0
    # Nobody had to wait for a lease to end.
    assert writers.slowest_s < LEASE_S


def test_a_node_that_freezes_for_longer_than_its_lease_changes_nothing_when_it_wakes(town: Town) -> None:
    sleeper, *awake = town.nodes
    keys = [key for key in diaries(60) if owner_of(town, of_key(key)) == sleeper][:4]
    writers = Writers(keys, awake)
    process = process_of(sleeper).process
    assert process is not None
    with writers.writing():
        # A write is under way at the node when it freezes.
        process.send_signal(signal.SIGSTOP)
        try:
            mine = "SELECT count(*) FROM perdure.partition WHERE owner = %s"
            assert eventually(lambda: ask_database(town, mine, id_of(sleeper)) == [(0,)])
        finally:
            process.send_signal(signal.SIGCONT)
    # It takes part again, and shows what the others have written.
    with perdure.SyncClient(sleeper.ingress, timeout=TIMEOUT) as client:
        for key, lines in writers.written.items():
            assert DiaryClient(client, key).read(Key()).texts == lines
            assert DiaryClient(client, key).append(KeyText(text="awake")).texts == [*lines, "awake"]
    assert process.poll() is None


def test_steps_that_are_done_stay_done_whichever_node_is_killed(town: Town) -> None:
    scenes = diaries(9)
    through = others(town, town.nodes[0])[0]
    with perdure.SyncClient(through.ingress, timeout=TIMEOUT) as client:
        send = StepsClient(client).chance_then_wait.send
        sent = {scene: send(Text(scene), idempotency_key=scene) for scene in scenes}
        drawn = {scene: town.stage.wait_for(scene, 2)[0] for scene in scenes}

        process_of(town.nodes[0]).kill()
        for scene in scenes:
            town.stage.answer_always(scene, "wait", "")

        assert {scene: handle.attach().text for scene, handle in sent.items()} == drawn
    assert all(town.stage.lines(scene).count(drawn[scene]) == 1 for scene in scenes)


def test_handlers_call_across_nodes_that_do_not_reach_each_other(tmp_path: Path) -> None:
    def advertised_where_nobody_listens() -> tuple[str, ...]:
        return "--peer", f"127.0.0.1:{free_port()}", "--advertise", f"127.0.0.1:{free_port()}"

    with towns.nodes(tmp_path, advertised_where_nobody_listens) as town:
        wait_until_all_have_a_share(town)
        here = town.nodes[0]
        away = [key for key in diaries(60) if owner_of(town, of_key(key)) != here][:3]
        with perdure.SyncClient(here.ingress, timeout=TIMEOUT) as client:
            for key in away:
                assert WriterClient(client).by_turns(Errand(key, ["one", "two"])).texts == ["one", "two"]
