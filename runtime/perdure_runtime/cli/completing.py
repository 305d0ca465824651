"""What a shell offers while a command is typed: names and ids that a node knows.

A node that does not answer at once is not waited for, and no trouble is told: a prompt is no place for that.
"""

import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from perdure_runtime.cli.asking.offers import Offers

# So many ids a prompt can show.
MOST = 50


def services(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of services."""
    return _offered(ctx, lambda offers: offers.services(incomplete))


def handlers(ctx: typer.Context, incomplete: str) -> list[str]:
    """Handlers, as ``package.Service/Method``."""
    return _offered(ctx, lambda offers: offers.handlers(incomplete))


def deployments(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of deployments."""
    return _offered(ctx, lambda offers: offers.deployments(incomplete))


def invocations(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of invocations, the newest first."""
    return _offered(ctx, lambda offers: offers.invocations(incomplete, MOST))


def keys(ctx: typer.Context, incomplete: str) -> list[str]:
    """Keys of the service that stands before."""
    service = str(ctx.params.get("service") or "")
    return _offered(ctx, lambda offers: offers.keys(service, incomplete, MOST))


def requests(ctx: typer.Context, incomplete: str) -> list[str]:
    """A whole request of the handler that stands before, to be edited."""
    handler = str(ctx.params.get("handler") or "")
    found = _offered(ctx, lambda offers: offers.request(handler, incomplete))
    # Other shells quote by themselves what they are offered.
    return [shlex.quote(each) for each in found] if "bash" in os.environ.get("_PERDURE_COMPLETE", "") else found


def subscriptions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of subscriptions."""
    return _offered(ctx, lambda offers: offers.subscriptions(incomplete))


def schedules(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of schedules."""
    return _offered(ctx, lambda offers: offers.schedules(incomplete))


def _offered(ctx: typer.Context, wanted: "Callable[[Offers], list[str]]") -> list[str]:
    from perdure_runtime.cli.asking.offers import Offers, silently
    from perdure_runtime.cli.connection import read_connection

    return silently(lambda: wanted(Offers(read_connection(cast(dict[str, object], ctx.params)))))
