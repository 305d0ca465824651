"""`perdure subscriptions` and `perdure schedules`: what calls handlers by itself."""

from typing import Annotated

import typer

from perdure_runtime.cli import completing
from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption

subscriptions = typer.Typer(no_args_is_help=True, help="Topics whose messages call handlers.")
schedules = typer.Typer(no_args_is_help=True, help="Handlers that are called at times.")

File = Annotated[str, typer.Argument(metavar="FILE", help="JSON of its definition; - reads the standard input.")]
SubscriptionName = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.subscriptions)]
ScheduleName = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.schedules)]


@subscriptions.command("list")
@unbundled
def list_subscriptions_command(connection: Connection, as_json: JsonOption = False) -> None:
    """List subscriptions, and how they do."""
    from perdure_runtime.cli.asking.subscriptions import print_all

    print_all(connection, as_json=as_json)


@subscriptions.command("put")
@unbundled
def put_subscription_command(file: File, connection: Connection) -> None:
    """Define a subscription, or change it."""
    from perdure_runtime.cli.asking.subscriptions import put

    put(connection, file)


@subscriptions.command("remove")
@unbundled
def remove_subscription_command(name: SubscriptionName, connection: Connection) -> None:
    """Remove a subscription."""
    from perdure_runtime.cli.asking.subscriptions import remove

    remove(connection, name)


@subscriptions.command("pause")
@unbundled
def pause_subscription_command(name: SubscriptionName, connection: Connection) -> None:
    """Read no more messages until you resume it."""
    from perdure_runtime.cli.asking.subscriptions import set_paused

    set_paused(connection, name, paused=True)


@subscriptions.command("resume")
@unbundled
def resume_subscription_command(name: SubscriptionName, connection: Connection) -> None:
    """Read on where it was paused."""
    from perdure_runtime.cli.asking.subscriptions import set_paused

    set_paused(connection, name, paused=False)


@subscriptions.command("skip")
@unbundled
def skip_subscription_command(
    name: SubscriptionName,
    partition: Annotated[str, typer.Argument(metavar="PARTITION", help="Of the topic; of NATS the stream.")],
    offset: Annotated[int, typer.Argument(metavar="OFFSET", min=0, help="Of the message, as `list` tells it.")],
    connection: Connection,
) -> None:
    """Leave out a message that it is stuck at, and read on."""
    from perdure_runtime.cli.asking.subscriptions import skip

    skip(connection, name, partition, offset)


@schedules.command("list")
@unbundled
def list_schedules_command(connection: Connection, as_json: JsonOption = False) -> None:
    """List schedules, with their next times."""
    from perdure_runtime.cli.asking.schedules import print_all

    print_all(connection, as_json=as_json)


@schedules.command("put")
@unbundled
def put_schedule_command(file: File, connection: Connection) -> None:
    """Define a schedule, or change it."""
    from perdure_runtime.cli.asking.schedules import put

    put(connection, file)


@schedules.command("remove")
@unbundled
def remove_schedule_command(name: ScheduleName, connection: Connection) -> None:
    """Remove a schedule."""
    from perdure_runtime.cli.asking.schedules import remove

    remove(connection, name)


@schedules.command("pause")
@unbundled
def pause_schedule_command(name: ScheduleName, connection: Connection) -> None:
    """Call nothing until you resume it."""
    from perdure_runtime.cli.asking.schedules import set_paused

    set_paused(connection, name, paused=True)


@schedules.command("resume")
@unbundled
def resume_schedule_command(name: ScheduleName, connection: Connection) -> None:
    """Call at its times again."""
    from perdure_runtime.cli.asking.schedules import set_paused

    set_paused(connection, name, paused=False)
