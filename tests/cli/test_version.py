"""`perdure --version`, which every report of a bug begins with."""

from importlib.metadata import version

from perdure_runtime.cli.main import app
from typer.testing import CliRunner


def test_the_version_is_that_of_the_installed_package() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert (ran.exit_code, ran.stdout) == (0, f"perdure {version('perdure')}\n")
