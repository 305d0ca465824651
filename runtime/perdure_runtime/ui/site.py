"""What all pages share: whom they ask, and how they look."""

from collections.abc import Callable
from dataclasses import dataclass

from perdure_runtime.ui.port import AdminApi, Caller, Login
from perdure_runtime.ui.rendering import Templates


@dataclass(frozen=True, slots=True)
class Site:
    """``login`` is None where nobody is asked who they are."""

    api: AdminApi
    caller: Caller
    templates: Templates
    now_ms: Callable[[], int]
    login: Login | None
