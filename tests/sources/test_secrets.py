"""Secrets are filled in where they are used, and nowhere else."""

import pytest
from perdure_runtime.sources.port import TopicTrouble
from perdure_runtime.sources.secrets import Secrets


def test_a_variable_is_filled_in_and_masked_in_what_is_said() -> None:
    secrets = Secrets({"USER": "ada", "PASSWORD": "hunter2", "EMPTY": ""})
    assert secrets.fill("nats://${USER}:${PASSWORD}@host${EMPTY}") == "nats://ada:hunter2@host"
    assert secrets.mask("no login with hunter2 for ada") == "no login with ${PASSWORD} for ${USER}"


def test_a_variable_that_is_not_there_is_named() -> None:
    with pytest.raises(TopicTrouble, match=r"\$\{PASSWORD\}, which the environment of this node does not have"):
        Secrets({}).fill("${PASSWORD}")
