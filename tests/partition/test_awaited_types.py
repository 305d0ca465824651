"""A journal says which message the oldest wait for a signal takes."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import AwaitSignalCommand, Entry
from perdure_runtime.partition.journal import Journal

from tests.partition.samples import completed


def _wait(type: str, name: str = "approved") -> Entry:
    return Entry(await_signal=AwaitSignalCommand(name=name, type=type))


def test_the_oldest_wait_of_each_signal_has_a_type() -> None:
    journal = Journal([_wait("shop.v1.Approval"), _wait("shop.v1.Receipt"), _wait("shop.v1.Order", "other")])
    assert (journal.awaited_type("approved"), journal.awaited_type("other")) == ("shop.v1.Approval", "shop.v1.Order")

    journal.append(completed(0, 1))
    assert journal.awaited_type("approved") == "shop.v1.Receipt"


def test_a_signal_that_nobody_waits_for_has_none() -> None:
    journal = Journal([_wait("shop.v1.Approval"), completed(0, 1)])

    assert journal.awaited_type("approved") is None
    assert journal.awaited_type("other") is None
