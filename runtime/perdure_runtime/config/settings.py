"""All settings of a node, and what they must fulfil together."""

from pydantic import Field

from perdure_runtime.config.sections import (
    AdminSettings,
    ClusterSettings,
    DefaultSettings,
    DevSettings,
    EndpointSettings,
    IngressSettings,
    RetrySettings,
    Section,
    StorageSettings,
    UiSettings,
)
from perdure_runtime.partition.policy import Execution
from perdure_runtime.query.settings import SqlSettings
from perdure_runtime.security.settings import AuthSettings, SigningSettings, TlsSettings
from perdure_runtime.telemetry.settings import LogSettings, MetricSettings, TraceSettings


class Settings(Section):
    """The settings of `perdure up`, `perdure dev` and `perdure serve`: each field is a section."""

    ingress: IngressSettings = Field(default_factory=IngressSettings)
    admin: AdminSettings = Field(default_factory=AdminSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    cluster: ClusterSettings = Field(default_factory=ClusterSettings)
    retry: RetrySettings = Field(default_factory=RetrySettings)
    defaults: DefaultSettings = Field(default_factory=DefaultSettings)
    tls: TlsSettings = Field(default_factory=TlsSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    signing: SigningSettings = Field(default_factory=SigningSettings)
    logs: LogSettings = Field(default_factory=LogSettings)
    traces: TraceSettings = Field(default_factory=TraceSettings)
    metrics: MetricSettings = Field(default_factory=MetricSettings)
    sql: SqlSettings = Field(default_factory=SqlSettings)
    ui: UiSettings = Field(default_factory=UiSettings)
    dev: DevSettings = Field(default_factory=DevSettings)
    endpoint: EndpointSettings = Field(default_factory=EndpointSettings)

    def execution(self) -> Execution:
        """How invocations run whose contracts say nothing about it."""
        return self.defaults.execution(self.retry)

    def listening_on(self, ingress: tuple[str, int], admin: tuple[str, int]) -> "Settings":
        """The same with these addresses."""
        return self.model_copy(
            update={
                "ingress": self.ingress.model_copy(update={"listen": ingress}),
                "admin": self.admin.model_copy(update={"listen": admin}),
            }
        )
