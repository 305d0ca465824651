"""Asking back before something is done that cannot be undone."""

import typer

from perdure_runtime.cli.problem import Problem


def confirm(question: str) -> None:
    """Goes on where the answer is yes. Raises Problem where it is not, or where nobody answers."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort as error:
        raise Problem("nobody says yes; --yes does it without asking") from error
    if not agreed:
        raise Problem("nothing was done", exit_code=1)
