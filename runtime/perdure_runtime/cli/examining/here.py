"""This machine: Python, the packages, and what compiles contracts."""

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from perdure_runtime.cli.examining.finding import Finding, fail, ok, warn

OLDEST = (3, 11)
# A requirement of one version exactly, such as "grpclib==0.4.9"; extras are not needed everywhere.
PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)\Z")


def examine() -> Iterator[Finding]:
    """Looks at each."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST:
        yield ok("Python", running)
    else:
        yield fail("Python", running, f"perdure needs {'.'.join(map(str, OLDEST))} or newer: install that")
    yield ok("perdure", version("perdure"))
    yield from (_pinned(*pin) for pin in _pins())
    yield _compiler()


def _pins() -> Iterator[tuple[str, str]]:
    for requirement in requires("perdure") or ():
        form = PIN.match(requirement)
        if form is not None:
            yield form[1], form[2]


def _pinned(package: str, wanted: str) -> Finding:
    try:
        installed = version(package)
    except PackageNotFoundError:
        return fail(package, "is not installed", f"pip install '{package}=={wanted}'")
    if installed == wanted:
        return ok(package, installed)
    return fail(package, f"{installed}, and perdure needs {wanted}", f"pip install '{package}=={wanted}'")


def _compiler() -> Finding:
    found = [name for name in ("buf", "protoc-gen-perdure") if shutil.which(name)]
    if importlib.util.find_spec("grpc_tools") is not None:
        return ok("contracts", "perdure generate compiles them" + (", and buf generate" if len(found) == 2 else ""))
    if len(found) == 2:
        return ok("contracts", "buf generate compiles them")
    return warn(
        "contracts",
        "nothing here compiles them",
        "where you change contracts, pip install 'perdure[generate]'; machines that only run handlers do without",
    )
