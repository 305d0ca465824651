"""The paths that a function answers, read from its ``match``: a route that somebody adds is tested from then on."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator


def paths_of(function: Callable[..., object]) -> list[str]:
    """An example of each path: what a pattern captures is "x"."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = [path for node in ast.walk(tree) if isinstance(node, ast.match_case) for path in _paths(node.pattern)]
    assert found, f"{function.__qualname__} has no match over paths any more"
    return found


def _paths(pattern: ast.pattern) -> Iterator[str]:
    match pattern:
        case ast.MatchSequence(patterns=parts):
            yield "/" + "/".join(map(_part, parts))
        case ast.MatchValue(value=ast.Constant(value=str(path))):
            yield path


def _part(pattern: ast.pattern) -> str:
    match pattern:
        case ast.MatchValue(value=ast.Constant(value=str(part))):
            return part
        case _:
            return "x"
