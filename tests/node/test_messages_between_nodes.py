"""What handlers at one node ask of invocations at another one, from end to end."""

from dataclasses import dataclass

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AttachCommand,
    AwaitSignalCommand,
    CallCommand,
    CancelCommand,
    Entry,
    InvocationName,
    Outcome,
    SendCommand,
    SendSignalCommand,
    Target,
)
from perdure_runtime.ingress.port import Submission

from tests.node.node_room import done
from tests.node.street import House, Street, account, on_a_street, until


@dataclass
class Pair:
    """Two nodes, and an invocation that runs at the near one; it deals with an account at the far one."""

    near: House
    far: House
    caller: str
    there: Submission

    def calls(self) -> None:
        """The caller calls the account."""
        self.near.says(self.caller, Entry(call=CallCommand(target=_target(self.there))))

    def completions(self) -> list[Outcome]:
        """The results that the caller has been told."""
        told = [frame.completion for frame in self.near.frames("completion")]
        return [Outcome(value=each.value) if each.HasField("value") else Outcome(failure=each.failure) for each in told]

    async def completed(self, count: int = 1) -> Outcome:
        """Waits until the caller has been told so many results, and gives the last of them."""
        await until(lambda: len(self.completions()) == count)
        return self.completions()[-1]

    async def far_one(self) -> str:
        """Waits until an invocation has begun at the far node."""
        await until(lambda: bool(self.far.frames("start")))
        return self.far.frames("start")[-1].start.invocation_id


async def _pair(street: Street) -> Pair:
    near, far = await street.of("near:1", "far:1")
    (partition, *_), (other, *_) = near.here, far.here
    caller = await near.node.router.submit(account(partition))
    await near.begun(caller)
    return Pair(near, far, caller, account(other))


def _target(submission: Submission) -> Target:
    return Target(service=submission.service, handler=submission.handler, key=submission.key)


def _quiet(street: Street) -> bool:
    """Whether all channels are idle."""
    return all(channel.sent == channel.acknowledged for channel in street.rows.channels.values())


@on_a_street
async def test_a_call_comes_to_the_other_node_and_its_result_comes_back(street: Street) -> None:
    pair = await _pair(street)
    pair.calls()
    pair.far.ends(await pair.far_one(), done(b"result"))
    assert await pair.completed() == Outcome(value=b"result")
    await until(lambda: _quiet(street))
    assert street.rows.outbox == {}


@on_a_street
async def test_a_send_runs_at_the_other_node(street: Street) -> None:
    pair = await _pair(street)
    pair.near.says(pair.caller, Entry(send=SendCommand(target=_target(pair.there))))
    assert (await pair.completed()).value
    assert await pair.far_one() in street.rows.invocations


@on_a_street
async def test_a_handler_attaches_to_what_runs_at_the_other_node(street: Street) -> None:
    pair = await _pair(street)
    id = await pair.near.node.router.submit(pair.there)
    await pair.far.begun(id)
    pair.near.says(pair.caller, Entry(attach=AttachCommand(invocation=InvocationName(invocation_id=id))))
    await until(lambda: street.rows.listeners.get(id) != set() and id in street.rows.listeners)
    pair.far.ends(id, done(b"result"))
    assert await pair.completed() == Outcome(value=b"result")


@on_a_street
async def test_a_signal_comes_to_the_other_node(street: Street) -> None:
    pair = await _pair(street)
    id = await pair.near.node.router.submit(pair.there)
    await pair.far.begun(id)
    pair.far.says(id, Entry(await_signal=AwaitSignalCommand(name="go")))
    said = SendSignalCommand(invocation=InvocationName(invocation_id=id), name="go", result=done(b"now"))
    pair.near.says(pair.caller, Entry(send_signal=said))
    await until(lambda: [each.completion.value for each in pair.far.frames("completion")] == [b"now"])


@on_a_street
async def test_a_handler_cancels_what_runs_at_the_other_node(street: Street) -> None:
    pair = await _pair(street)
    id = await pair.near.node.router.submit(pair.there)
    await pair.far.begun(id)
    pair.near.says(pair.caller, Entry(cancel=CancelCommand(name=InvocationName(invocation_id=id))))
    await until(lambda: bool(pair.far.frames("cancellation")))


@on_a_street
async def test_an_operator_at_any_node_kills_what_runs_and_what_it_has_called(street: Street) -> None:
    pair = await _pair(street)
    pair.calls()
    callee = await pair.far_one()
    await pair.far.node.router.kill(pair.caller)
    ended = await pair.near.node.router.attach(callee)
    assert ended.outcome.HasField("failure")


@on_a_street
async def test_nodes_that_do_not_reach_each_other_deal_by_way_of_the_database(street: Street) -> None:
    pair = await _pair(street)
    street.unreachable |= {"near:1", "far:1"}
    pair.calls()
    pair.far.ends(await pair.far_one(), done(b"result"))
    assert await pair.completed() == Outcome(value=b"result")
    await until(lambda: _quiet(street))


@on_a_street
async def test_a_result_finds_a_caller_that_has_moved(street: Street) -> None:
    pair = await _pair(street)
    pair.calls()
    callee = await pair.far_one()
    await pair.near.node.drain()
    await pair.far.begun(pair.caller)
    pair.far.ends(callee, done(b"result"))
    await until(lambda: [each.completion.value for each in pair.far.frames("completion")] == [b"result"])
    await until(lambda: _quiet(street))


@on_a_street
async def test_a_message_whose_sender_is_gone_is_brought_by_who_has_its_partition_then(street: Street) -> None:
    pair = await _pair(street)
    street.unreachable |= {"near:1", "far:1"}
    pair.far.storage.is_away = True
    pair.calls()
    await until(lambda: bool(street.rows.outbox))
    pair.far.storage.is_away = False
    street.unreachable.clear()
    await pair.near.node.drain()
    id = await pair.far_one()
    await until(lambda: id in street.rows.invocations and _quiet(street))


@on_a_street
async def test_a_message_that_a_failed_commit_received_comes_again(street: Street) -> None:
    pair = await _pair(street)
    pair.far.storage.fail_next_commit("the disk is full")
    pair.calls()
    id = await pair.far_one()
    await until(lambda: id in street.rows.invocations and _quiet(street))
    assert len(street.rows.invocations) == 2


@on_a_street
async def test_an_acknowledgement_that_a_failed_commit_noted_comes_again(street: Street) -> None:
    pair = await _pair(street)
    far_gate = pair.far.gate
    far_gate.is_open.clear()
    pair.calls()
    await until(lambda: far_gate.waiting == 1)
    pair.near.storage.fail_next_commit("the disk is full")
    far_gate.is_open.set()
    await until(lambda: bool(street.rows.received) and _quiet(street))
    assert street.rows.outbox == {}
    assert len(street.rows.invocations) == 2


@on_a_street
async def test_many_messages_of_one_channel_arrive_once_and_in_order_over_a_move(street: Street) -> None:
    pair = await _pair(street)
    entries = [Entry(send=SendCommand(target=_target(pair.there), input=b"%d" % number)) for number in range(40)]
    pair.near.says(pair.caller, *entries[:20])
    await pair.completed(20)
    street.unreachable.add("far:1")
    pair.near.says(pair.caller, *entries[20:])
    await until(lambda: len(street.rows.outbox) >= 20)
    third = await street.add("third:1")
    await street.balance()
    street.unreachable.clear()
    await until(lambda: _quiet(street))
    rows = [row for id, row in street.rows.invocations.items() if id != pair.caller]
    lined_up = sorted(rows, key=lambda row: row.id)
    assert sorted(int(row.input) for row in lined_up) == list(range(40))
    line = sorted((place, street.rows.invocations[id].input) for (_, _, place), id in street.rows.inbox.items())
    assert [int(input) for _, input in line] == list(range(1, 40))
    assert third.here
