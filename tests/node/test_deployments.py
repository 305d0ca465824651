"""Deployments of one node: where work goes, and what is registered, drained and removed. Endpoints are real."""

import asyncio

import perdure
import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from perdure import codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.ingress.port import DeploymentInUse, RegistrationRefused, Submission, UnknownDeployment
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.storage.memory import MemoryStorage
from trial.v1 import AddRequest, Text, TrialClient

from tests.node.fleet import SECOND, Counting, Fleet, Trials, Version, address, play, step
from tests.node.looking import look

ADD = Submission("trial.v1.Counter", "Add", "ada", codec.encode(AddRequest(counter="ada")))


def without_second(file: FileDescriptorProto) -> None:
    """A contract whose Trial has only its first handler."""
    del file.service[0].method[1]


def without_first(file: FileDescriptorProto) -> None:
    """A contract whose Trial has only its second handler."""
    del file.service[0].method[0]


def with_another_value(file: FileDescriptorProto) -> None:
    """A contract whose counters count in strings."""
    state = next(message for message in file.message_type if message.name == "CounterState")
    state.field[0].type = FieldDescriptorProto.TYPE_STRING


def with_a_longer_state(file: FileDescriptorProto) -> None:
    """A contract whose counters may keep more."""
    state = next(message for message in file.message_type if message.name == "CounterState")
    state.field.add(name="more", number=3, type=FieldDescriptorProto.TYPE_STRING, label=1, json_name="more")


def test_new_invocations_go_to_the_newest_deployment() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        assert await fleet.call(SECOND) == "v1"
        await fleet.deploy(Version(Trials("v2")))
        assert await fleet.call(SECOND) == "v2"

    play(story)


def test_an_invocation_in_flight_goes_on_where_its_journal_was_written() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        begun = await fleet.begin()
        await fleet.deploy(Version(Trials("v2")))
        assert await fleet.finish(begun) == "v1 v1"

    play(story)


def test_a_parked_invocation_wakes_up_where_its_journal_was_written() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        begun = await fleet.begin()
        await fleet.until_status(begun, "suspended")
        # The session with v1 has nothing to carry any more, and is closed.
        await fleet.deploy(Version(Trials("v2")))
        assert await fleet.finish(begun) == "v1 v1"

    play(story, Execution(inactivity_timeout_ms=1))


def test_an_invocation_without_a_journal_goes_to_the_newest_deployment_when_it_starts() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        late = await fleet.node.router.submit(Submission("trial.v1.Trial", "Second", "", b"", delay_ms=1))
        await fleet.deploy(Version(Trials("v2")))
        fleet.now_ms += 1
        fleet.node.clock_moved()
        outcome = (await fleet.node.router.attach(late)).outcome
        assert outcome.value.endswith(b"v2")

    play(story)


def test_an_old_deployment_drains_and_is_drained() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        begun = await fleet.begin()
        assert await fleet.statuses() == ["active 1"]
        await fleet.deploy(Version(Trials("v2")))
        assert await fleet.statuses() == ["draining 1", "active 0"]
        await fleet.finish(begun)
        assert await fleet.statuses() == ["drained 0", "active 0"]

    play(story)


def test_a_deployment_stays_active_while_one_of_its_services_is_nowhere_newer() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1"), Counting()))
        await fleet.deploy(Version(Trials("v2")))
        assert await fleet.statuses() == ["active 0", "active 0"]

    play(story)


def test_a_drained_deployment_is_removed() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.deploy(Version(Trials("v1")))
        new = await fleet.deploy(Version(Trials("v2")))
        await fleet.node.administration.remove(old.id, force=False)
        assert [each.id for each in await fleet.node.administration.deployments()] == [new.id]

    play(story)


def test_when_the_newest_deployment_is_removed_the_one_before_it_is_the_newest() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        new = await fleet.deploy(Version(Trials("v2")))
        await fleet.node.administration.remove(new.id, force=False)
        assert await fleet.call(SECOND) == "v1"

    play(story)


def test_a_deployment_with_work_is_not_removed_and_its_work_is_named() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.deploy(Version(Trials("v1")))
        begun = [await fleet.begin() for _ in range(12)]
        with pytest.raises(DeploymentInUse) as refused:
            await fleet.node.administration.remove(old.id, force=False)
        assert str(refused.value) == (
            f"{old.id} has begun 12 invocations that have not ended: {', '.join(sorted(begun)[:10])} and 2 more; wait "
            "until it is drained, cancel or kill these, or force it: then the newest deployment goes on with their "
            "journals"
        )
        assert await fleet.statuses() == ["active 12"]

    play(story)


def test_the_work_of_a_deployment_that_is_removed_by_force_goes_to_the_newest() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.deploy(Version(Trials("v1")))
        begun = await fleet.begin()
        await fleet.until_status(begun, "suspended")
        await fleet.deploy(Version(Trials("v2")))
        await fleet.node.administration.remove(old.id, force=True)
        assert await fleet.finish(begun) == "v1 v2"

    play(story, Execution(inactivity_timeout_ms=1))


def test_a_deployment_that_nobody_knows_is_not_removed() -> None:
    async def story(fleet: Fleet) -> None:
        with pytest.raises(UnknownDeployment, match="dp_7"):
            await fleet.node.administration.remove("dp_7", force=True)

    play(story)


def test_the_same_contracts_at_the_same_address_are_the_same_deployment() -> None:
    async def story(fleet: Fleet) -> None:
        server = await fleet.serve(Version(Trials("v1")))
        assert await fleet.register(server) == await fleet.register(server)
        assert await fleet.statuses() == ["active 0"]

    play(story)


def test_an_older_version_that_is_registered_again_gets_the_new_invocations_back() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.serve(Version(Trials("v1")))
        await fleet.register(old)
        await fleet.deploy(Version(Trials("v2")))
        again = await fleet.register(old)
        assert again.status == "active"
        assert await fleet.call(SECOND) == "v1"
        await fleet.restart()
        assert await fleet.call(SECOND) == "v1"

    play(story)


def test_other_contracts_at_a_known_address_are_refused() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.serve(Version(Trials("v1")))
        known = await fleet.register(old)
        await old.close()
        changed = await fleet.serve(Version(Trials("v2"), Counting()), old.port)
        assert (await fleet.refusal(changed)).startswith(
            f"{address(changed)} is deployment {known.id}, and serves other contracts now: it serves trial.v1.Counter "
            "too; the journals"
        )

    play(story)


def test_other_contracts_that_are_forced_at_a_known_address_take_its_work_too() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.serve(Version(Trials("v1")))
        known = await fleet.register(old)
        begun = await fleet.begin()
        await old.close()
        changed = await fleet.serve(Version(Trials("v2"), Counting()), old.port)
        forced = await fleet.register(changed, force=True)
        assert [each.id for each in await fleet.node.administration.deployments()] == [forced.id] != [known.id]
        assert await fleet.finish(begun) == "v1 v2"

    play(story)


def test_a_contract_that_breaks_callers_is_refused_whatever_is_stored() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        server = await fleet.serve(Version(Trials("v2"), edit=without_second))
        assert await fleet.refusal(server) == (
            "the new contracts break what is there: trial.v1.Trial/Second is gone (breaks callers); keep to what buf "
            "breaking allows, register under new names, or force it"
        )
        assert await fleet.call(SECOND) == "v1"

    play(story)


def test_a_first_version_and_one_with_the_same_contracts_change_nothing() -> None:
    async def story(fleet: Fleet) -> None:
        registered = [await fleet.deploy(Version(Trials(version))) for version in ("v1", "v2")]
        assert [each.change_class for each in registered] == ["", ""]

    play(story)


def test_a_contract_that_breaks_several_says_all_classes() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        await fleet.begin()
        server = await fleet.serve(Version(Trials("v2"), edit=without_first))
        forced = await fleet.register(server, force=True)
        assert forced.change_class == "breaks callers, breaks in-flight journals"

    play(story)


def test_what_a_forced_contract_breaks_is_told() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        server = await fleet.serve(Version(Trials("v2"), edit=without_second))
        forced = await fleet.register(server, force=True)
        assert list(forced.changes) == ["trial.v1.Trial/Second is gone (breaks callers)"]
        assert forced.change_class == "breaks callers"
        assert forced.status == "active"

    play(story)


def test_a_contract_that_breaks_journals_is_refused_with_the_count_of_those_in_flight() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        for _ in range(2):
            await fleet.begin()
        server = await fleet.serve(Version(Trials("v2"), edit=without_first))
        assert "trial.v1.Trial/First is gone (breaks in-flight journals: 2 invocations)" in await fleet.refusal(server)

    play(story)


def test_journals_that_are_not_in_flight_are_not_broken() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        await fleet.finish(await fleet.begin())
        server = await fleet.serve(Version(Trials("v2"), edit=without_first))
        assert "journals" not in await fleet.refusal(server)

    play(story)


def test_a_contract_that_breaks_state_is_refused_with_the_count_of_the_keys_that_have_it() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Counting()))
        await fleet.node.router.call(ADD)
        server = await fleet.serve(Version(Counting(), edit=with_another_value))
        assert "trial.v1.CounterState.value changed its type (breaks stored state of 1 keys)" in (
            await fleet.refusal(server)
        )

    play(story)


def test_state_that_nobody_has_stored_is_not_broken() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Counting()))
        server = await fleet.serve(Version(Counting(), edit=with_another_value))
        assert "stored state" not in await fleet.refusal(server)

    play(story)


def test_a_state_that_only_grows_is_registered() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Counting()))
        await fleet.node.router.call(ADD)
        grown = await fleet.deploy(Version(Counting(), edit=with_a_longer_state))
        assert not grown.changes
        assert grown.change_class == "safe"
        assert await fleet.statuses() == ["drained 0", "active 0"]

    play(story)


def test_nothing_is_registered_where_nobody_answers() -> None:
    async def story(fleet: Fleet) -> None:
        server = await fleet.serve(Version(Trials("v1")))
        await server.close()
        assert (await fleet.refusal(server)).startswith(f"no perdure endpoint answers at {address(server)}")
        with pytest.raises(RegistrationRefused, match="'here' is no address"):
            await fleet.node.administration.register(["here"], force=True, verify=False)

    play(story)


def test_a_node_that_is_started_again_knows_its_newest_deployment_and_its_pins() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        begun = await fleet.begin()
        # At one moment of the clock, and with a smaller id.
        await fleet.deploy(Version(Trials("v2")))
        await fleet.restart()
        assert await fleet.statuses() == ["draining 1", "active 0"]
        assert await fleet.call(SECOND) == "v2"
        assert await fleet.finish(begun) == "v1 v1"

    play(story)


def test_a_paused_invocation_is_resumed_where_its_journal_was_written_unless_the_operator_wants_the_newest() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1")))
        stays, moves = await fleet.begin(), await fleet.begin()
        for each in (stays, moves):
            await fleet.node.administration.pause(each)
        await fleet.deploy(Version(Trials("v2")))
        await fleet.node.administration.resume(stays, on_newest=False)
        await fleet.node.administration.resume(moves, on_newest=True)
        assert await fleet.finish(stays) == "v1 v1"
        assert await fleet.finish(moves) == "v1 v2"

    play(story)


def test_an_endpoint_is_verified_with_what_is_in_flight_and_what_has_ended() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1", step("one"))))
        await fleet.begin()
        await fleet.call(SECOND)
        replayed = await fleet.node.administration.verify(
            address(await fleet.serve(Version(Trials("v2", step("one"))))), 0
        )
        assert (replayed.replayed, list(replayed.divergences)) == (2, [])

    play(story)


def test_verifying_leaves_everything_as_it_was() -> None:
    async def wait(ctx: perdure.Context) -> str:
        return (await ctx.signal("go", Text)).text

    async def call(ctx: perdure.Context) -> str:
        go = ctx.signal("go", Text)
        TrialClient(ctx).first.send(Text())
        return (await go).text

    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1", wait)))
        begun = await fleet.node.router.submit(SECOND)
        await fleet.until(begun, lambda journal: len(journal) == 1)
        before = look(fleet.node, begun), await fleet.node.administration.deployments()
        replayed = await fleet.node.administration.verify(address(await fleet.serve(Version(Trials("v2", call)))), 0)
        assert (replayed.replayed, list(replayed.divergences)) == (1, [])
        await fleet.node.loop.flush()
        assert (
            look(fleet.node, begun),
            await fleet.node.administration.deployments(),
        ) == before
        assert fleet.storage.usage("trial.v1.Trial").open == {"Second": 1}

    play(story)


def test_so_many_journals_are_replayed_as_the_operator_says_those_in_flight_first() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1", step("one"))))
        await fleet.call(SECOND)
        await fleet.begin()
        other = await fleet.serve(Version(Trials("v2", step("other"))))
        assert not (await fleet.node.administration.verify(address(other), 1)).divergences
        assert (await fleet.node.administration.verify(address(other), 2)).divergences

    play(story)


def test_an_endpoint_that_does_not_repeat_a_journal_is_refused_when_it_is_to_be_verified() -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1", step("one"))))
        told, _ = await fleet.node.router.call(SECOND)
        server = await fleet.serve(Version(Trials("v2", step("other"))))
        refusal = await fleet.refusal(server, verify=True)
        assert refusal.startswith(
            f"1 of 1 journals are not repeated; the first is {told} of trial.v1.Trial/Second, at {address(server)}: "
        )
        assert await fleet.statuses() == ["active 0"]

    play(story)


def test_what_is_verified_at_several_processes_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    entries = MemoryStorage.entries

    def counted(storage: MemoryStorage, invocation_id: str) -> list[Entry]:
        read.append(invocation_id)
        return entries(storage, invocation_id)

    monkeypatch.setattr(MemoryStorage, "entries", counted)

    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1", step("one"))))
        told, _ = await fleet.node.router.call(SECOND)
        same = [address(await fleet.serve(Version(Trials("v2", step("one"))))) for _ in range(3)]
        await fleet.node.administration.register(same, force=False, verify=True)
        assert read == [told]

    play(story)


def test_a_node_alone_does_not_read_again_and_again_what_nobody_else_changes() -> None:
    async def story(fleet: Fleet) -> None:
        assert {"courier", "deployments"}.isdisjoint(task.get_name() for task in asyncio.all_tasks())

    play(story)


def test_new_code_at_a_known_address_is_verified_though_its_contracts_are_the_same() -> None:
    async def story(fleet: Fleet) -> None:
        old = await fleet.serve(Version(Trials("v1", step("one"))))
        await fleet.register(old)
        await fleet.call(SECOND)
        await old.close()
        server = await fleet.serve(Version(Trials("v2", step("other"))), old.port)
        assert (await fleet.refusal(server, verify=True)).startswith("1 of 1 journals are not repeated")

    play(story)


def test_what_gave_up_or_fails_still_is_repeated_by_code_that_fails_alike() -> None:
    async def fail(ctx: perdure.Context) -> str:
        await ctx.run("begin", lambda: 1)
        raise RuntimeError("the bank is closed")

    async def story(fleet: Fleet) -> None:
        await fleet.deploy(Version(Trials("v1", fail)))
        _, outcome = await fleet.node.router.call(SECOND)
        assert "gave up" in outcome.failure.message
        same = await fleet.serve(Version(Trials("v2", fail)))
        assert not (await fleet.node.administration.verify(address(same), 0)).divergences

    play(story, Execution(retry=RetryPolicy(max_attempts=1, pause=False)))
