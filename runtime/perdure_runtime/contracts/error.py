"""The one error of reading contracts."""


class ContractError(Exception):
    """An endpoint's contract cannot be served; the message says what is wrong, where, and what to do."""
