"""Structured logs: what anything in the process logs, by way of stdlib logging or structlog, in one form.

A line has when it was written, how bad it is, who says it, what it says, and the fields that are known at that place:
those that were bound as context (structlog's, such as ``node``), those given as ``extra``, and those of the handler
that runs.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TextIO, TypeAlias

import structlog

from perdure_runtime.telemetry.masking import masked
from perdure_runtime.telemetry.settings import LogSettings

# What is known at the place that logs, such as the invocation that runs there.
Fields: TypeAlias = Callable[[], Mapping[str, object]]
# Whether what is logged at this place has been logged by an earlier attempt.
Quiet: TypeAlias = Callable[[], bool]
Line: TypeAlias = MutableMapping[str, Any]

# What perdure itself says is never a repetition.
OWN = ("perdure", "perdure_runtime")
# They log each request, or what only their developers need.
LOUD = ("asyncio", "hpack", "httptools", "watchfiles", "urllib3", "opentelemetry")


def configure_logs(
    settings: LogSettings,
    fields: Iterable[Fields] = (),
    quiet: Iterable[Quiet] = (),
    stream: TextIO | None = None,
) -> None:
    """Sets up the logs of this process; what was set up before is replaced. They go to stderr by default.

    ``fields`` tell what is known wherever something is logged, and ``quiet`` where nothing is to be.
    """
    out = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(settings, out, tuple(fields)))
    handler.addFilter(_Repetitions(tuple(quiet)))
    root = logging.getLogger()
    for before in list(root.handlers):
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name in LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_known(tuple(fields)),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _known(fields: tuple[Fields, ...]) -> list[structlog.typing.Processor]:
    """What every line gets, whoever logs it."""

    def add_fields(logger: Any, method: str, line: Line) -> Line:
        for each in fields:
            for name, value in each().items():
                line.setdefault(name, value)
        return line

    return [
        structlog.contextvars.merge_contextvars,
        add_fields,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(settings: LogSettings, out: TextIO, fields: tuple[Fields, ...]) -> logging.Formatter:
    rendered: list[structlog.typing.Processor]
    if settings.format == "json":
        rendered = [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(default=str)]
    else:
        # Tracebacks are text before the mask looks at them: an error may quote what it was given.
        rendered = [
            structlog.processors.format_exc_info,
            _mask,
            structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_known(fields), structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    )


def _mask(logger: Any, method: str, line: Line) -> Line:
    return {name: masked(name, value) for name, value in line.items()}


class _Repetitions(logging.Filter):
    """Leaves out what users' code logs again while it repeats its journal."""

    def __init__(self, quiet: tuple[Quiet, ...]) -> None:
        super().__init__()
        self._quiet = quiet

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.name.partition(".")[0] in OWN:
            return True
        return not any(quiet() for quiet in self._quiet)
