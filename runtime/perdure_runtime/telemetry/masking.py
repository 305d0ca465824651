"""What must never stand in a log: keys, tokens and passwords, wherever a line has them."""

import re
from collections.abc import Mapping

MASK = "***"
# Fields whose values are secret, whatever they are part of.
NAMES = re.compile(
    r"(^|[_\-.])(authorization|api[_-]?key|cookie|credential|credentials|pass|passwd|password|secret|token|private[_-]?key)$",
    re.IGNORECASE,
)
# Secrets that can be told by how they look: keys of perdure, tokens, passwords in URLs, and what is called by such a
# name. Errors quote what strangers have sent, so that each pattern must be done with a text in one go.
TEXTS = (
    (re.compile(r"\bpk_([0-9A-Za-z]+)_[0-9A-Za-z_\-]+"), r"pk_\1_" + MASK),
    (re.compile(r"\b(bearer|basic)\s+[0-9A-Za-z._~+/\-]{12,}=*", re.IGNORECASE), r"\1 " + MASK),
    (re.compile(r"(?<![0-9A-Za-z_\-.])eyJ[0-9A-Za-z_\-]+\.[0-9A-Za-z_\-]+\.[0-9A-Za-z_\-]*"), MASK),
    (re.compile(r"(\b[a-z][a-z0-9+.\-]{0,20}://[^\s:/@]*:)[^\s@/]+@", re.IGNORECASE), r"\1" + MASK + "@"),
    (
        re.compile(r"((?:password|passwd|secret|token|api[_-]?key)[\"']?\s?[=:]\s?[\"']?)[^\s,;&'\"]+", re.IGNORECASE),
        r"\1" + MASK,
    ),
)


def masked(name: str, value: object) -> object:
    """The value of a field of a log line, without secrets."""
    if NAMES.search(name) is not None:
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Mapping):
        return {key: masked(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(name, each) for each in value]
    return value


def masked_text(text: str) -> str:
    """A text without what looks like a secret."""
    for pattern, replacement in TEXTS:
        text = pattern.sub(replacement, text)
    return text
