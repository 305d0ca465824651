"""What is wrong with a value, in one sentence that begins with where it stands."""

from datetime import timedelta

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from perdure_runtime.config.catalogue import Place, Setting, catalogue
from perdure_runtime.config.reading import Values
from perdure_runtime.config.values import show_duration


def sentence(where: str, message: str) -> str:
    """What is wrong somewhere; a message that begins with "is" goes on from the name of the place."""
    return f"{where} {message}" if message.startswith("is ") else f"{where}: {message}"


def first_of(error: ValidationError, values: Values) -> str:
    """The first thing that is wrong."""
    details = error.errors(include_url=False)[0]
    place = tuple(str(part) for part in details["loc"])
    where, setting = _where(place, values), _setting(place)
    match details["type"]:
        case "value_error":
            return sentence(where, str(details["ctx"]["error"]))
        case "extra_forbidden":
            return f"{where}: there is no such setting"
        case "missing":
            return f"{where} is missing"
        case _:
            instead = _instead(details, setting, place)
            # In a text there may be a secret, if only by mistake: it is not repeated.
            if setting is None or setting.kind.startswith(("text", "secret", "path", "list", "table")):
                return f"{where} is not what it should be; write {instead}"
            written = details["input"]
            shown = show_duration(written) if isinstance(written, timedelta) else written
            return f"{where} is {shown!r}; write {instead}"


def _where(place: Place, values: Values) -> str:
    """Where to look for what is wrong at a place: there, or where its neighbours were given."""
    for size in range(len(place), 0, -1):
        near = [given for known, given in values.items() if known[:size] == place[:size]]
        if near:
            known = place[:size] if place[:size] in catalogue() else place
            inside = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in place[len(known) :])
            return near[-1].source.find(known) + inside
    return ".".join(place)


def _setting(place: Place) -> Setting | None:
    """The setting at a place; a part of a list or table belongs to the one that has it."""
    sizes = range(len(place), 0, -1)
    return next((catalogue()[place[:size]] for size in sizes if place[:size] in catalogue()), None)


def _instead(details: ErrorDetails, setting: Setting | None, place: Place) -> str:
    """What to write."""
    kind = setting.kind if setting is not None and setting.place == place else ""
    if kind.startswith("list"):
        return "a list"
    wanted = f"a {kind}" if kind and not kind.startswith(("true", "text")) else kind
    context = {name: _limit(limit) for name, limit in details.get("ctx", {}).items()}
    match details["type"]:
        case "greater_than_equal":
            return f"{wanted} from {context['ge']}"
        case "greater_than":
            return f"{wanted} above {context['gt']}"
        case "less_than_equal":
            return f"{wanted} up to {context['le']}"
        case "less_than":
            return f"{wanted} below {context['lt']}"
        case "literal_error":
            return context["expected"].replace("'", "")
        case _:
            return wanted or details["msg"].removeprefix("Input should be ")


def _limit(limit: object) -> str:
    """A bound as people write it."""
    match limit:
        case timedelta():
            return show_duration(limit)
        case float():
            return f"{limit:g}"
        case _:
            return str(limit)
