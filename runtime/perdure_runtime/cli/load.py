"""Finding the user's endpoint: ``module:attribute``."""

import importlib
import sys
from pathlib import Path

from perdure import Endpoint, PerdureError

from perdure_runtime.cli.problem import Problem


def load_endpoint(path: str) -> Endpoint:
    """Imports the endpoint that ``path`` names, from the working directory or what is installed. Raises Problem."""
    module_name, colon, attribute = path.partition(":")
    if not colon or not module_name or not attribute:
        raise Problem(f"{path!r} names no endpoint; write module:attribute, such as shop.app:app")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that the user's module lacks is the user's to see, with its traceback.
        if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
            raise
        raise Problem(f"there is no module {error.name!r} in {here} or among the installed packages") from error
    except PerdureError as error:
        raise Problem(f"{module_name} cannot be served: {error}") from error
    endpoint = getattr(module, attribute, None)
    if endpoint is None:
        raise Problem(f"module {module_name} has no attribute {attribute!r}")
    if not isinstance(endpoint, Endpoint):
        raise Problem(f"{path} is a {type(endpoint).__name__}, not a perdure.Endpoint")
    return endpoint
