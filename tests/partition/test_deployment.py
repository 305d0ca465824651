"""An invocation belongs to the deployment that wrote its journal last: it alone is trusted to repeat that."""

from perdure_runtime.partition.input import Command

from tests.partition.room import Room
from tests.partition.samples import run


def test_who_writes_a_command_is_noted_with_it(room: Room) -> None:
    room.submit("inv_a")
    assert room.row("inv_a").deployment_id == ""
    room.apply(Command("inv_a", 1, 0, run(), deployment_id="dep_1"))
    assert room.row("inv_a").deployment_id == "dep_1"
    room.lose("inv_a")
    room.apply(Command("inv_a", 2, 1, run(), deployment_id="dep_2"))

    assert room.row("inv_a").deployment_id == "dep_2"
