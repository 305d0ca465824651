"""Settings that name secrets: "${NAME}" stands for a variable of the node's environment, and is never shown filled."""

import re
from collections.abc import Mapping

from perdure_runtime.sources.port import TopicTrouble

NAMED = re.compile(r"\$\{([^}]*)\}")


class Secrets:
    """Fills names in, and takes what they stand for out of whatever is said later."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._filled: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """The text with its secrets. Raises TopicTrouble where the environment has no such variable."""
        return NAMED.sub(self._value, text)

    def mask(self, text: str) -> str:
        """The text with names in place of secrets."""
        for value, name in self._filled.items():
            text = text.replace(value, f"${{{name}}}")
        return text

    def _value(self, match: "re.Match[str]") -> str:
        name = match[1]
        value = self._environment.get(name)
        if value is None:
            raise TopicTrouble(
                f"the settings name ${{{name}}}, which the environment of this node does not have; set it and start "
                "the node again"
            )
        if value:
            self._filled[value] = name
        return value
