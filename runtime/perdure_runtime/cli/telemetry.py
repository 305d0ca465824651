"""What a process tells of itself, as the settings say."""

from perdure_runtime.cli.problem import Problem
from perdure_runtime.config.settings import Settings
from perdure_runtime.node.clock import wall_clock_ms
from perdure_runtime.telemetry.telemetry import Telemetry, TelemetryProblem


def telemetry_of(settings: Settings) -> Telemetry:
    """Its metrics and traces. Raises Problem."""
    try:
        return Telemetry(settings.traces, wall_clock_ms)
    except TelemetryProblem as error:
        raise Problem(str(error)) from error
