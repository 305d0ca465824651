"""Every metric that there is: one list for the code, its documentation and its dashboard."""

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """How a metric moves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means. The names of counters lack their ``_total`` nowhere."""

    name: str
    kind: Kind
    words: str
    labels: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """What is counted, as the name says it."""
        stem = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes", "ratio") if stem.endswith(unit)), "")


HANDLER = ("service", "handler")

ACCEPTED = Metric("perdure_invocations_accepted_total", Kind.COUNTER, "Invocations that became durable.", HANDLER)
ENDED = Metric(
    "perdure_invocations_ended_total",
    Kind.COUNTER,
    "Invocations that ended: succeeded with a response, failed with a terminal error, or cancelled.",
    (*HANDLER, "outcome"),
)
LATENCY = Metric(
    "perdure_invocation_seconds", Kind.HISTOGRAM, "Time from the acceptance of an invocation to its end.", HANDLER
)
ATTEMPTS = Metric("perdure_attempts_total", Kind.COUNTER, "Attempts that were started at an endpoint.", HANDLER)
RETRIES = Metric(
    "perdure_attempts_failed_total",
    Kind.COUNTER,
    "Attempts that ended in a retryable error, or did not repeat their journal.",
    HANDLER,
)
LOST = Metric(
    "perdure_attempts_lost_total",
    Kind.COUNTER,
    "Attempts that ended with the session to their endpoint; they count as no retry.",
    HANDLER,
)
SUSPENSIONS = Metric("perdure_suspensions_total", Kind.COUNTER, "Attempts that left memory to wait.", HANDLER)
STEPS = Metric("perdure_steps_total", Kind.COUNTER, "Steps that got their result.", HANDLER)
STEP_FAILURES = Metric(
    "perdure_steps_failed_total", Kind.COUNTER, "Executions of steps that failed and were tried again.", HANDLER
)
IN_MEMORY = Metric("perdure_invocations_in_memory", Kind.GAUGE, "Invocations that a node has in memory.", ("share",))
RUNNING = Metric("perdure_attempts_running", Kind.GAUGE, "Attempts that run at endpoints now.")
WAITING = Metric(
    "perdure_attempts_waiting", Kind.GAUGE, "Attempts that wait for an endpoint: it is away, or not registered."
)
SILENT = Metric("perdure_attempts_silent", Kind.GAUGE, "Attempts that were started and have said nothing yet.")

INPUTS = Metric("perdure_loop_inputs_total", Kind.COUNTER, "Inputs that the partitions have decided.", ("share",))
PENDING = Metric("perdure_loop_pending_inputs", Kind.GAUGE, "Inputs that wait for the partitions.", ("share",))
COMMITS = Metric("perdure_commits_total", Kind.COUNTER, "Batches that became durable.", ("share",))
COMMIT_SECONDS = Metric("perdure_commit_seconds", Kind.HISTOGRAM, "Time that a commit took.", ("share",))
BATCHES = Metric("perdure_commit_inputs", Kind.HISTOGRAM, "Inputs that a commit made durable.", ("share",))
STORAGE_FAILURES = Metric(
    "perdure_storage_failures_total",
    Kind.COUNTER,
    "Commits and reads that failed, after which a share was loaded again.",
    ("share",),
)
TIMERS = Metric("perdure_timers_near", Kind.GAUGE, "Timers in memory: those that are due within a minute.", ("share",))
CALLERS = Metric("perdure_callers_waiting", Kind.GAUGE, "Invocations whose end somebody waits for here.", ("share",))

CONNECTIONS = Metric("perdure_ingress_connections", Kind.GAUGE, "Open connections of callers.")
CALLS = Metric("perdure_ingress_calls", Kind.GAUGE, "Calls that are being answered.", ("protocol",))
REQUESTS = Metric(
    "perdure_ingress_requests_total",
    Kind.COUNTER,
    "Requests that were answered, by the name of the gRPC status or the HTTP status.",
    ("protocol", "code"),
)

SESSIONS = Metric(
    "perdure_endpoint_sessions",
    Kind.GAUGE,
    "Whether the session to a process of an endpoint is open, for each that is wanted.",
    ("address",),
)
SESSIONS_OPENED = Metric(
    "perdure_endpoint_sessions_opened_total", Kind.COUNTER, "Sessions that were opened.", ("address",)
)
SESSIONS_BROKEN = Metric("perdure_endpoint_sessions_broken_total", Kind.COUNTER, "Sessions that broke.", ("address",))

PARTITIONS = Metric("perdure_partitions_owned", Kind.GAUGE, "Partitions that this node owns.", ("share",))
PEERS = Metric("perdure_peers", Kind.GAUGE, "Other nodes of the cluster that live.")
MESSAGES_SENT = Metric("perdure_messages_sent_total", Kind.COUNTER, "Messages brought on their way, again too.")
MESSAGES_RECEIVED = Metric("perdure_messages_received_total", Kind.COUNTER, "Messages from peers, repeated ones too.")
OUTBOX = Metric("perdure_messages_outbox", Kind.GAUGE, "Messages to other partitions that are not acknowledged.")
RENEWALS = Metric("perdure_lease_renewals_total", Kind.COUNTER, "Times that the lease was renewed.", ("share",))
LEASES_LOST = Metric(
    "perdure_lease_losses_total",
    Kind.COUNTER,
    "Times that partitions were let go of because the lease was over, or another node had taken them.",
    ("share",),
)

SOURCE_DELIVERED = Metric(
    "perdure_source_delivered_total", Kind.COUNTER, "Messages of subscriptions that became invocations.", ("source",)
)
SOURCE_LAG = Metric(
    "perdure_source_lag",
    Kind.GAUGE,
    "Messages of a topic that a subscription has yet to deliver.",
    ("source", "partition"),
)

QUERIES = Metric("perdure_sql_queries_total", Kind.COUNTER, "SQL queries.", ("outcome",))
QUERY_SECONDS = Metric("perdure_sql_query_seconds", Kind.HISTOGRAM, "Time that SQL queries took.")

LOOP_LAG = Metric(
    "perdure_event_loop_lag_seconds", Kind.GAUGE, "How late the event loop came to a timer of its own, last."
)

CATALOGUE = (
    *(ACCEPTED, ENDED, LATENCY, ATTEMPTS, RETRIES, LOST, SUSPENSIONS, STEPS, STEP_FAILURES),
    *(IN_MEMORY, RUNNING, WAITING, SILENT),
    *(INPUTS, PENDING, COMMITS, COMMIT_SECONDS, BATCHES, STORAGE_FAILURES, TIMERS, CALLERS),
    *(CONNECTIONS, CALLS, REQUESTS, SESSIONS, SESSIONS_OPENED, SESSIONS_BROKEN),
    *(PARTITIONS, PEERS, MESSAGES_SENT, MESSAGES_RECEIVED, OUTBOX, RENEWALS, LEASES_LOST),
    *(SOURCE_DELIVERED, SOURCE_LAG, QUERIES, QUERY_SECONDS, LOOP_LAG),
)
