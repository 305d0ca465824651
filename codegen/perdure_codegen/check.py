"""From a contract to its problems, all of them at once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from perdure_codegen.check_names import module_names, package_name, state_names
from perdure_codegen.check_services import ServiceCheck
from perdure_codegen.check_types import types
from perdure_codegen.contract import Contract, File, Package
from perdure_codegen.problem import Problem


def check(contract: Contract) -> list[Problem]:
    """Everything that is wrong, in the order of the files; code can be rendered when it is nothing."""
    # A message that is the request of several handlers has its problems once.
    return sorted(set(_problems(contract)))


def _problems(contract: Contract) -> Iterator[Problem]:
    needs = _needs(contract)
    for package in contract.packages:
        for file in package.files:
            yield from _syntax(file)
            yield from package_name(file)
            yield from _circle(contract, file, needs)
        yield from _whole(contract, package)
        yield from module_names(package)
        for message in package.messages:
            yield from types(contract, message)
        for service in package.services:
            yield from ServiceCheck(contract, package, service).problems()
            yield from state_names(contract, service)


def _needs(contract: Contract) -> Mapping[str, set[str]]:
    """The packages that each package imports, directly or not, itself included."""
    direct: dict[str, set[str]] = defaultdict(set)
    for file in contract.files.values():
        direct[file.package].update(contract.files[name].package for name in file.imports)
    needs: dict[str, set[str]] = {}
    for package in direct:
        needs[package] = known = {package}
        waiting = [package]
        while waiting:
            found = direct[waiting.pop()] - known
            known |= found
            waiting += found
    return needs


def _syntax(file: File) -> Iterator[Problem]:
    if file.syntax != "proto3":
        sentence = f'{file.syntax} is not supported, since betterproto has no classes for it: write syntax = "proto3";'
        yield Problem(file.syntax_place, "syntax", sentence)


def _circle(contract: Contract, file: File, needs: Mapping[str, set[str]]) -> Iterator[Problem]:
    for name in file.imports:
        through = contract.files[name].package
        if through != file.package and file.package in needs[through]:
            sentence = (
                f"it imports {name} of the package {through}, which imports {file.package} in turn, and Python modules "
                "cannot: move what both need into a third package"
            )
            yield Problem(file.package_place, f"package {file.package}", sentence)


def _whole(contract: Contract, package: Package) -> Iterator[Problem]:
    missing = [file.name for file in contract.files.values() if file.package == package.name and not file.generated]
    if package.name and missing:
        sentence = (
            f"{', '.join(missing)} belongs to it but is not generated in the same run, and a package is one Python "
            "module: for buf set strategy: all in buf.gen.yaml, to protoc name all files of the package"
        )
        yield Problem(package.files[0].package_place, f"package {package.name}", sentence)
