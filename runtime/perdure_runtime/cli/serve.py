"""`perdure serve`: the user's handlers, for nodes in other processes."""

import asyncio

import typer
from perdure import Endpoint
from perdure.serve import EndpointServer
from perdure.signatures import Verifier

from perdure_runtime.cli.ports import cannot_listen
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.safety import problems
from perdure_runtime.cli.telemetry import telemetry_of
from perdure_runtime.config.settings import Settings
from perdure_runtime.security.binding import check_endpoint
from perdure_runtime.security.tls import endpoint_tls


def run(endpoint: Endpoint, settings: Settings) -> None:
    """Serves until a signal comes."""
    host, _ = settings.endpoint.listen

    async def serve(stop: asyncio.Event) -> None:
        server, telemetry = _server(endpoint, settings), telemetry_of(settings)
        try:
            await server.start()
        except OSError as error:
            raise cannot_listen("--listen", settings.endpoint.listen, error) from error
        typer.echo(f"perdure: endpoint on {host}:{server.port}")
        try:
            await stop.wait()
        finally:
            await server.close()
            await telemetry.close()

    run_process(serve, settings.logs)


def _server(endpoint: Endpoint, settings: Settings) -> EndpointServer:
    """The server that the settings describe; what they say of nodes comes before the endpoint's own. Raises Problem."""
    host, port = settings.endpoint.listen
    signing, tls = settings.signing, settings.tls.serve
    with problems():
        verifier = Verifier(signing.accept_from, signing.known_as) if signing.accept_from else endpoint.verifier
        authenticates = verifier is not None or tls.client_ca is not None
        check_endpoint(host, authenticates=authenticates, insecure=settings.auth.insecure)
        return EndpointServer(endpoint, host, port, tls=endpoint_tls(tls), verifier=verifier)
