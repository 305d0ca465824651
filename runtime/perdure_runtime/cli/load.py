"""Finding what the user has written: ``module:attribute``."""

import importlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, cast

from perdure_runtime.cli.problem import Problem

if TYPE_CHECKING:
    from perdure import Endpoint

    from perdure_runtime.storage.codec import PayloadCodec

# Where `perdure generate` writes to unless it is told otherwise.
GENERATED = "generated"


def load_endpoint(path: str) -> "Endpoint":
    """Imports the endpoint that ``path`` names. Raises Problem."""
    from perdure import Endpoint

    endpoint = _load(path, "endpoint", "shop.app:app")
    if not isinstance(endpoint, Endpoint):
        raise Problem(f"{path} is a {type(endpoint).__name__}, not a perdure.Endpoint")
    return endpoint


def load_codec(path: str) -> "PayloadCodec | None":
    """Imports the payload codec that ``path`` names; None for no name. Raises Problem."""
    if not path:
        return None
    codec = _load(path, "payload codec", "shop.codec:codec")
    if isinstance(codec, type) or not all(callable(getattr(codec, name, None)) for name in ("encode", "decode")):
        raise Problem(f"{path} is no payload codec: write an object with encode(data) and decode(data)")
    return cast("PayloadCodec", codec)


def _load(path: str, what: str, example: str) -> object:
    """Imports what ``path`` names, from the working directory or what is installed."""
    from perdure import PerdureError

    module_name, colon, attribute = path.partition(":")
    if not colon or not module_name or not attribute:
        raise Problem(f"{path!r} names no {what}; write module:attribute, such as {example}")
    here = str(Path.cwd())
    for folder in (str(Path.cwd() / GENERATED), here):
        if folder not in sys.path and Path(folder).is_dir():
            sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
            raise _broken(module_name, error) from error
        raise Problem(f"there is no module {error.name!r} in {here} or among the installed packages") from error
    except PerdureError as error:
        raise Problem(f"{module_name} cannot be served: {error}") from error
    except Exception as error:
        raise _broken(module_name, error) from error
    found: object = getattr(module, attribute, None)
    if found is None:
        raise Problem(f"module {module_name} has no attribute {attribute!r}")
    return found


def _broken(module_name: str, error: Exception) -> Problem:
    """The user's own code fails: where is for the user to see."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    place = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return Problem(f"{module_name} cannot be imported: {type(error).__name__}: {error}{place}")
