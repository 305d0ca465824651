"""What an operator says about logs, traces and metrics."""

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Level: TypeAlias = Literal["debug", "info", "warning", "error"]

URL = re.compile(r"https?://[^\s/]+(/\S*)?")
SECTION = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LogSettings(BaseModel):
    """How log lines look, and which there are."""

    model_config = SECTION

    format: Literal["text", "json"] = "text"
    """text for people, json for what collects logs."""
    level: Level = "info"
    """The least level that is written."""


class TraceSettings(BaseModel):
    """Where spans go. Nodes and endpoints send theirs to the same collector, each by settings of its own."""

    model_config = SECTION

    endpoint: str = ""
    """Where an OpenTelemetry collector takes traces by OTLP over HTTP, such as http://localhost:4318/v1/traces.
    Empty: there are no traces."""
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Headers of the requests to the collector, such as the key that it asks for."""
    sampling_ratio: float = Field(default=1.0, ge=0, le=1)
    """The share of traces that are kept of callers who bring none of their own; theirs are kept as they say."""
    service_name: str = Field(default="perdure", min_length=1)
    """What this process is called in traces."""

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, endpoint: str) -> str:
        if endpoint and URL.fullmatch(endpoint) is None:
            raise ValueError(f"{endpoint!r} is no URL of a collector; write it as http://localhost:4318/v1/traces")
        return endpoint


class MetricSettings(BaseModel):
    """Whether metrics are shown. They are counted in any case: the web UI shows them too."""

    model_config = SECTION

    enabled: bool = True
    """Whether the admin port serves /metrics for Prometheus."""
