"""How the values of settings are written: addresses, durations, URLs with passwords."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema

from perdure_runtime.invoker.remote import split_address

UNITS_MS: Mapping[str, int] = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
PART = re.compile(r"(\d+)(ms|s|m|h|d)")
FORM = re.compile(rf"(?:{PART.pattern})+")
# A thousand years: every clock and wire can carry it.
LONGEST_MS = 1_000 * 365 * UNITS_MS["d"]
MASK = "********"
PASSWORD = re.compile(r"^(\w+://[^:/@]*):[^@]*@")


def read_duration_ms(text: str) -> int:
    """The milliseconds of a duration such as 500ms, 10s or 1h30m. Raises ValueError that says what to write."""
    if not FORM.fullmatch(text):
        raise ValueError("write a duration such as 50ms, 10s, 5m or 1h")
    milliseconds = sum(int(number) * UNITS_MS[unit] for number, unit in PART.findall(text))
    if milliseconds > LONGEST_MS:
        raise ValueError("write a shorter one: no clock goes so far")
    return milliseconds


def read_duration(value: object) -> timedelta:
    """A duration as it is written. Raises ValueError that says what to write."""
    if isinstance(value, timedelta):
        return value
    # A number alone would leave its unit to be guessed.
    return timedelta(milliseconds=read_duration_ms(value if isinstance(value, str) else ""))


def show_duration(duration: timedelta) -> str:
    """A duration as it is written: the fewest units that say it exactly."""
    left = duration // timedelta(milliseconds=1)
    parts = []
    for unit, length_ms in sorted(UNITS_MS.items(), key=lambda each: -each[1]):
        count, left = divmod(left, length_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def read_address(text: object) -> tuple[str, int]:
    """``host:port``; port 0 lets the system choose. Raises ValueError."""
    if isinstance(text, tuple):
        return text
    if not isinstance(text, str):
        raise ValueError("this is no address; write host:port, such as 127.0.0.1:8080")
    host, colon, port = text.rpartition(":")
    return (host, 0) if colon and host and port == "0" else split_address(text)


def show_address(address: tuple[str, int]) -> str:
    """As it is written."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


Address: TypeAlias = Annotated[
    tuple[str, int],
    BeforeValidator(read_address),
    PlainSerializer(show_address),
    WithJsonSchema({"type": "string", "description": "host:port"}),
]


def mask(secret: SecretStr) -> str:
    """What people may see of a secret: of a URL all but its password, of anything else nothing."""
    text = secret.get_secret_value()
    if "://" in text:
        return PASSWORD.sub(rf"\1:{MASK}@", text)
    return MASK if text else ""
