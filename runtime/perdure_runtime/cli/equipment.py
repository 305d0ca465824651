"""A node with all that belongs to it: its listeners, SQL, the web UI, metrics and traces, as the settings say."""

from collections.abc import Coroutine
from dataclasses import dataclass

from starlette.routing import BaseRoute, Route

from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.cli.ground import Ground
from perdure_runtime.cli.safety import Safety
from perdure_runtime.cli.telemetry import telemetry_of
from perdure_runtime.config.settings import Settings
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.node.clock import wall_clock_ms
from perdure_runtime.node.node import Node
from perdure_runtime.query.process import QueryProcesses
from perdure_runtime.sources.sources import Sources
from perdure_runtime.telemetry.exposition import Exposition
from perdure_runtime.telemetry.samples import INTERVAL_MS
from perdure_runtime.telemetry.telemetry import Telemetry
from perdure_runtime.ui.admission import ByGuard
from perdure_runtime.ui.app import ui_routes
from perdure_runtime.ui.asking import InProcess
from perdure_runtime.ui.calling import ThroughIngress


@dataclass(frozen=True, slots=True)
class Equipment:
    """The parts of a node, not started yet. ``query`` is None where it answers no SQL."""

    node: Node
    ingress: Ingress
    admin: AdminServer
    query: QueryProcesses | None
    sources: Sources
    telemetry: Telemetry

    @staticmethod
    def of(ground: Ground, settings: Settings, safety: Safety, *, shared: bool) -> "Equipment":
        """Joins the parts. The addresses may be ``shared`` with other processes. Raises Problem."""
        telemetry = telemetry_of(settings)
        metrics, tracing = telemetry.metrics, telemetry.tracing
        node = Node(
            ground.storages,
            defaults=settings.execution(),
            cluster=ground.cluster,
            metrics=metrics,
            tracing=tracing,
            remote=safety.endpoints,
        )
        sql = settings.sql
        query = QueryProcesses(ground.opening, sql, metrics.queries.observe) if sql.enabled else None
        sources = Sources(
            node.router,
            ground.registry,
            node.administration.survey,
            ground.placement,
            node.is_here,
            wall_clock_ms,
            metrics.sources,
        )
        service = AdminService(
            node.administration,
            storage=ground.place,
            query=query,
            sources=sources,
            samples=telemetry.samples,
            sample_ms=INTERVAL_MS,
        )
        auth = settings.auth
        ingress = Ingress(
            node.router,
            *settings.ingress.listen,
            settings.ingress.limits(),
            reuse_port=shared,
            metrics=metrics,
            tracing=tracing,
            tls=safety.ingress,
            guard=safety.guard,
            public_awakeables=auth.public_awakeables,
            local_names_only=not auth.insecure,
        )
        admin = AdminServer(
            service,
            *settings.admin.listen,
            reuse_port=shared,
            mounts=_mounts(settings, service, node, telemetry, safety),
            tls=safety.admin,
            guard=safety.guard,
            public_metrics=auth.public_metrics,
            insecure=auth.insecure,
        )
        return Equipment(node, ingress, admin, query, sources, telemetry)

    def closing(self, grace_s: float) -> list[Coroutine[None, None, None]]:
        """All ways in, at once: nothing new is accepted, and calls that run have so long to end."""
        return [self.ingress.close(grace_s), self.admin.close(grace_s), self.sources.close()]


def _mounts(
    settings: Settings, service: AdminService, node: Node, telemetry: Telemetry, safety: Safety
) -> list[BaseRoute]:
    """What the admin port serves beside its API."""
    mounts: list[BaseRoute] = []
    if settings.metrics.enabled:
        mounts.append(Route("/metrics", Exposition(telemetry.metrics)))
    if settings.ui.enabled:
        login = ByGuard(safety.guard) if safety.guard is not None else None
        caller = ThroughIngress(Desk(node.router, telemetry.tracing))
        mounts += ui_routes(InProcess(service.rpcs), caller, now_ms=wall_clock_ms, login=login)
    return mounts
