"""The `perdure` command."""

from perdure_runtime.cli.main import main

__all__ = ["main"]
