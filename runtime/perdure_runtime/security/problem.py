"""Why security cannot be set up as it was asked for, in one sentence that says what to do."""

from perdure import UsageError


class SecurityProblem(UsageError):
    """A setting, a file or a missing package; nothing was opened."""


def missing_extra(purpose: str, error: ImportError) -> SecurityProblem:
    """A package that is installed only where it is wanted."""
    return SecurityProblem(f"{purpose} needs {error.name}; install it with: pip install 'perdure[security]'")
