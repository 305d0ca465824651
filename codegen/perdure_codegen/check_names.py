"""Whether Python and betterproto can carry the names of a contract."""

import keyword
import sys
from collections.abc import Iterable, Iterator

import betterproto

from perdure_codegen import naming
from perdure_codegen.contract import Contract, Enum, File, Message, Package, Place, Service
from perdure_codegen.problem import Problem

# Top-level modules that generated code needs, itself or through what it imports.
TAKEN_PACKAGES = frozenset({"betterproto", "google", "perdure", "perdure_protos"})
# Class names that are Python keywords: all others begin with a small letter.
KEYWORDS = frozenset({"None", "True", "False"})
# What every message and enum has: a field or value of that name would take its place.
MESSAGE_MEMBERS = frozenset(dir(betterproto.Message))
ENUM_MEMBERS = frozenset({*dir(betterproto.Enum), "name", "value", "mro"})
# What generated handlers and clients have.
SERVICE_MEMBERS = frozenset({"service"})
# What the state of a context has: a field of that name would hide it.
STATE_MEMBERS = frozenset({"clear_all", "keys"})


def package_name(file: File) -> Iterator[Problem]:
    """The problems with the package that a file names."""
    top = file.package.partition(".")[0]
    subject = f"package {file.package}"
    if not top:
        sentence = "there is none, and it names the Python module: write one, such as package shop.v1;"
        yield Problem(file.package_place, "package", sentence)
    elif any(keyword.iskeyword(part) for part in file.package.split(".")):
        yield Problem(file.package_place, subject, "a part of it is a Python keyword: rename it")
    elif top in TAKEN_PACKAGES or top in sys.stdlib_module_names:
        sentence = (
            f"there is another Python module {top}, and imports find only one of the two: put a name of yours before "
            f"it, as in package acme.{file.package};"
        )
        yield Problem(file.package_place, subject, sentence)


def module_names(package: Package) -> Iterator[Problem]:
    """The problems with the names inside a package."""
    yield from _module(package)
    for message in package.messages:
        yield from _message(message)
    for enum in package.enums:
        yield from _enum(enum)
    for service in package.services:
        yield from _service(service)


def state_names(contract: Contract, service: Service) -> Iterator[Problem]:
    """The problems with the names of the values of a service's state."""
    state = contract.messages.get(service.state)
    for field in state.fields if state is not None else ():
        name = naming.attribute(field)
        if name in STATE_MEMBERS:
            sentence = f"it is a value of the state of {service.full_name} and would hide ctx.state.{name}(): rename it"
            yield Problem(field.place, f"field {service.state}.{field.name}", sentence)


def _module(package: Package) -> Iterator[Problem]:
    declared: list[tuple[str, str, Place]] = []
    types: tuple[Message | Enum, ...] = (*package.messages, *package.enums)
    for each in types:
        name = naming.class_name(each)
        what = "message" if isinstance(each, Message) else "enum"
        if name in KEYWORDS:
            sentence = f"its Python class would be called {name}, which is a keyword: rename it"
            yield Problem(each.place, f"{what} {each.full_name}", sentence)
        declared.append((name, f"{what} {each.full_name}", each.place))
    for service in package.services:
        declared += [(name, f"service {service.full_name}", service.place) for name in _service_names(service)]
    yield from _distinct(declared, f"the Python module {package.name}")


def _service_names(service: Service) -> list[str]:
    names = naming.ServiceNames(service)
    made = [names.constant, names.handlers, names.client]
    if service.state:
        made += [names.state, names.read_state]
    if service.promises:
        made.append(names.promises)
    if service.state or service.promises:
        made += [names.context, names.shared_context]
    return made


def _message(message: Message) -> Iterator[Problem]:
    declared = [
        (naming.attribute(field), f"field {message.full_name}.{field.name}", field.place) for field in message.fields
    ]
    yield from _distinct(declared, f"the Python class of {message.full_name}")
    yield from _free(declared, MESSAGE_MEMBERS, "betterproto messages have a member of that name")


def _enum(enum: Enum) -> Iterator[Problem]:
    declared = [
        (naming.member(value, enum), f"enum value {enum.full_name}.{value.name}", value.place) for value in enum.values
    ]
    yield from _distinct(declared, f"the Python class of {enum.full_name}")
    yield from _free(declared, ENUM_MEMBERS, "betterproto enums have a member of that name")


def _service(service: Service) -> Iterator[Problem]:
    declared = [(naming.method(handler), f"rpc {handler.full_name}", handler.place) for handler in service.handlers]
    yield from _distinct(declared, f"the Python class of {service.full_name}")
    yield from _free(declared, SERVICE_MEMBERS, "handlers and clients have a member of that name")


def _distinct(declared: Iterable[tuple[str, str, Place]], where: str) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, what, place in declared:
        other = first.setdefault(name, what)
        if other != what:
            sentence = f"{name} in {where} would stand for it and for the {other}: rename one of them"
            yield Problem(place, what, sentence)


def _free(declared: Iterable[tuple[str, str, Place]], taken: frozenset[str], why: str) -> Iterator[Problem]:
    for name, what, place in declared:
        if name in taken:
            yield Problem(place, what, f"it would be called {name} in Python, but {why}: rename it")
