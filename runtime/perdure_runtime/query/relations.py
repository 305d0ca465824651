"""The views of SQL, in the words of the documentation."""

from perdure_runtime.query.about_deployments import DEPLOYMENTS, SERVICES
from perdure_runtime.query.about_invocations import IDEMPOTENCY_KEYS, INVOCATIONS, TIMERS
from perdure_runtime.query.about_journals import AWAKEABLES, JOURNAL_ENTRIES
from perdure_runtime.query.about_keys import INBOXES, PARTITIONS, PROMISES, STATES

RELATIONS = {
    relation.name: relation
    for relation in (
        INVOCATIONS,
        JOURNAL_ENTRIES,
        STATES,
        INBOXES,
        TIMERS,
        PROMISES,
        AWAKEABLES,
        IDEMPOTENCY_KEYS,
        DEPLOYMENTS,
        SERVICES,
        PARTITIONS,
    )
}
