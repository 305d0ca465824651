"""Every rpc of the contract has a room that answers it and a least role; lesser roles are refused."""

import asyncio

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.empty_pb2 import Empty
from perdure_runtime.admin.roles import LEAST_ROLES
from perdure_runtime.admin.rpc import SERVICE, rpc, rpcs_of
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.principal import CALLER, Principal, Role

from tests.admin.administration import FakeAdministration

CHANGES = ("Register", "Join", "Leave", "Remove", "Update", "Edit", "Put")


def _rpcs() -> list[MethodDescriptor]:
    return list(SERVICE.methods)


def test_every_rpc_has_a_role_and_nothing_else_has() -> None:
    assert set(LEAST_ROLES) == {method.name for method in _rpcs()}


def test_every_rpc_is_answered_and_says_what_it_does() -> None:
    rpcs = AdminService(FakeAdministration()).rpcs
    assert list(rpcs) == [method.name for method in _rpcs()]
    assert [rpc.name for rpc in rpcs.values() if not rpc.words.endswith(".")] == []


@pytest.mark.parametrize("name", sorted(LEAST_ROLES))
def test_what_only_looks_takes_less_than_what_changes(name: str) -> None:
    if name.startswith(CHANGES):
        assert LEAST_ROLES[name] is Role.ADMIN
    elif name.startswith(("List", "Get", "Count", "Query")) and name != "ListAwakeables":
        assert LEAST_ROLES[name] is Role.VIEWER
    else:
        assert LEAST_ROLES[name] is Role.OPERATOR


@pytest.mark.parametrize("name", sorted(LEAST_ROLES))
def test_a_lesser_role_is_refused_before_anything_is_done(name: str) -> None:
    least = LEAST_ROLES[name]
    administration = FakeAdministration()
    called = AdminService(administration).rpcs[name]
    lesser = Role(least - 1) if least > Role.VIEWER else None

    async def ask() -> None:
        CALLER.set(Principal("eve", lesser))
        await called.answer(called.request())

    with pytest.raises(Refusal, match="eve"):
        asyncio.run(ask())
    assert administration.done == []
    assert not administration.asked.is_set()


def test_rooms_that_leave_an_rpc_out_or_have_one_too_many_are_found() -> None:
    class Bare:
        pass

    class Stranger:
        @rpc
        async def fly(self, request: Empty) -> Empty:
            return request

    rooms = vars(AdminService(FakeAdministration())).values()
    with pytest.raises(RuntimeError, match="no room answers RegisterDeployment"):
        rpcs_of([Bare()])
    with pytest.raises(RuntimeError, match="the contract has no rpc for fly"):
        rpcs_of([*rooms, Stranger()])
