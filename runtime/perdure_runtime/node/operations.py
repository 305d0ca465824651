"""Invocations of this node as operators see them."""

from collections.abc import Callable

from perdure_runtime.ingress.port import UnknownInvocation, WrongStatus
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.describe import status_name
from perdure_runtime.node.share import Share
from perdure_runtime.node.shares import Shares
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import (
    CancelInvocation,
    EditRefused,
    EditState,
    Kill,
    Pause,
    Purge,
    Restart,
    Resume,
    SettlePromise,
)
from perdure_runtime.partition.journal import is_command
from perdure_runtime.partition.lifecycle.restart import unfinished
from perdure_runtime.partition.rows import BackingOff, Ended, Invocation, Paused, Running, Suspended


class Operations:
    """The part of ``peer.port.Residents`` that operators use. All methods raise Moved where the partition is not here,
    and all that change something StorageFailure too."""

    def __init__(self, shares: Shares, clock_ms: ClockMs, entropy: Callable[[int], int]) -> None:
        self._shares = shares
        self._clock_ms = clock_ms
        self._entropy = entropy

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, WrongStatus."""
        share, _ = self._find_in(invocation_id, "only a paused one is resumed", Paused)
        await share.loop.ask(Resume(invocation_id, on_newest))

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation that has begun, until it is resumed. Raises UnknownInvocation, WrongStatus."""
        share, _ = self._find_in(invocation_id, "only one that has begun is paused", Running, Suspended, BackingOff)
        await share.loop.ask(Pause(invocation_id))

    async def stop(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first. Raises UnknownInvocation, WrongStatus."""
        share = self._find_open(invocation_id, "there is nothing to cancel")
        await share.loop.ask(CancelInvocation(invocation_id))

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation, and all that it has called, at once. Raises UnknownInvocation, WrongStatus."""
        share = self._find_open(invocation_id, "there is nothing to kill")
        await share.loop.ask(Kill(invocation_id))

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again, with the journal before ``from_entry``, and returns the new one's id.

        Raises UnknownInvocation, WrongStatus.
        """
        share, _ = self._find_in(invocation_id, "only an ended one is restarted: kill it first", Ended)
        commands = _commands_before(share, invocation_id, from_entry)
        # At the place of the old one, whose journal it begins with.
        new_id = ids.mint(self._clock_ms(), self._entropy(64), ids.place_of(invocation_id))
        await share.loop.ask(Restart(invocation_id, new_id, commands))
        return new_id

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation. Raises UnknownInvocation, WrongStatus."""
        share, _ = self._find_in(invocation_id, "only an ended one is purged: kill it first", Ended)
        await share.loop.ask(Purge(invocation_id, now=True))

    async def edit_state(self, edit: EditState) -> None:
        """Changes state of a key. Raises WrongStatus where a running handler has it, or it is another by now."""
        await self._change_key(edit)

    async def settle_promise(self, settle: SettlePromise) -> None:
        """Gives a promise of a workflow its result. Raises WrongStatus where it has one."""
        await self._change_key(settle)

    async def _change_key(self, change: EditState | SettlePromise) -> None:
        share = self._shares.at(self._shares.placement.of_key(change.service, change.key))
        try:
            await share.loop.ask(change)
        except EditRefused as refused:
            raise WrongStatus(str(refused)) from refused

    def _find_open(self, invocation_id: str, otherwise: str) -> Share:
        share = self._shares.of(invocation_id)
        invocation = share.loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        if isinstance(invocation.status, Ended):
            raise WrongStatus(f"{invocation_id} has ended; {otherwise}")
        return share

    def _find_in(self, invocation_id: str, otherwise: str, *statuses: type[object]) -> tuple[Share, Invocation]:
        share = self._shares.of(invocation_id)
        invocation = share.loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        if not isinstance(invocation.status, statuses):
            raise WrongStatus(f"{invocation_id} is {status_name(invocation.status)}; {otherwise}")
        return share, invocation


def _commands_before(share: Share, invocation_id: str, entry: int) -> int:
    journal = share.loop.journal(invocation_id)
    if entry and entry >= len(journal):
        raise WrongStatus(f"the journal of {invocation_id} has {len(journal)} entries; none has index {entry}")
    if entry and not is_command(journal.entries[entry]):
        raise WrongStatus(f"entry {entry} of {invocation_id} is no command: name the command that is to run again")
    commands = sum(map(is_command, journal.entries[:entry]))
    waiting = unfinished(journal, commands)
    if waiting is not None:
        raise WrongStatus(
            f"command {waiting} of {invocation_id} stands before entry {entry} and has no result, which would go "
            "to the old invocation: restart from that command, or from an earlier one"
        )
    return commands
