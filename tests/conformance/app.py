"""The endpoint of the suite: all handlers that its tests call."""

import perdure

from tests.conformance import (
    app_calls,
    app_cancellation,
    app_failures,
    app_patience,
    app_state,
    app_steps,
    app_waiting,
    app_workflows,
)

app = perdure.Endpoint(
    *app_calls.HANDLERS,
    *app_steps.HANDLERS,
    *app_failures.HANDLERS,
    *app_state.HANDLERS,
    *app_waiting.HANDLERS,
    *app_patience.HANDLERS,
    *app_cancellation.HANDLERS,
    *app_workflows.HANDLERS,
)
