"""`perdure new`: a project that runs at once."""

import keyword
import re
import sys
from pathlib import Path

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from perdure_codegen.generate import GenerationFailed, bundled, generate

from perdure_runtime.cli.problem import Problem

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
ANNOTATIONS = Path("perdure/v1/annotations.proto")
# Modules that the project has, or that its code imports.
TAKEN = frozenset({"app", "betterproto", "generated", "google", "perdure", "protos", "pytest", "tests"})


def run(path: Path) -> None:
    """Makes the project in a new directory, which is called as it is. Raises Problem."""
    name = path.name
    package = name.replace("-", "_")
    if not NAME.fullmatch(name):
        raise Problem(f"{name!r} is no name of a project; write lower-case letters, digits and dashes, such as my-shop")
    if package in TAKEN or package in sys.stdlib_module_names or keyword.iskeyword(package):
        raise Problem(f"{name!r} is the name of a Python module that the project needs; choose another")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Problem(f"{path} exists already; choose another name, or an empty directory")
    try:
        _write(path, name, package)
    except OSError as error:
        raise Problem(f"cannot write {error.filename or path}: {error.strerror or error}") from error
    try:
        generate(path / "protos", path / "generated")
    except GenerationFailed as error:
        raise Problem(f"{path} is written, but its code is not generated: {error}", exit_code=1) from error
    typer.echo(f"wrote {path}; go on with\n  cd {path}\n  pytest\n  perdure dev app:app")
    typer.echo(f'and from another shell\n  perdure call {package}.v1.Greeter/Greet \'{{"name": "Ada"}}\'')


def _write(path: Path, name: str, package: str) -> None:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    contract = Path("protos", package, "v1", f"{package}.proto")
    places = {"protos/contract.proto": contract, "gitignore": Path(".gitignore")}
    for template in environment.list_templates(extensions=["j2"]):
        named = template.removesuffix(".j2")
        file = path / places.get(named, Path(named))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(environment.get_template(template).render(name=name, package=package), encoding="utf-8")
    annotations = path / "protos" / ANNOTATIONS
    annotations.parent.mkdir(parents=True, exist_ok=True)
    annotations.write_bytes((bundled() / ANNOTATIONS).read_bytes())
