"""A shop's contract, compiled once."""

import pytest
from perdure_runtime.contracts import Contracts

from tests.contracts.compiling import compile_protos, contract
from tests.ingress.grpc.node import SERVICES, SHOP


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Contracts:
    """Orders and accounts, with a private handler and a private service."""
    return Contracts.described(compile_protos(tmp_path_factory.mktemp("shop"), contract(SHOP)), SERVICES)
