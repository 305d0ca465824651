"""The filter of invocations as a form has it, and as the admin API takes it."""

from perdure_protos.perdure.admin.v1.invocations_pb2 import InvocationFilter

from perdure_runtime.ui.durations import read_ms
from perdure_runtime.ui.forms import Form

# Fields of the form that are named as those of the message.
TEXTS = ("service", "handler", "key", "deployment_id", "error_contains", "idempotency_key", "caller_id")
STATUSES = "status"
OLDER, YOUNGER = "older_than", "younger_than"
SELECTED = "id"
FIELDS = frozenset((*TEXTS, STATUSES, OLDER, YOUNGER, SELECTED))


def read_filter(form: Form) -> InvocationFilter:
    """The filter in a form or a query. Raises Refusal where an age is none."""
    found = InvocationFilter(statuses=dict.fromkeys(form.all(STATUSES)), ids=dict.fromkeys(form.all(SELECTED)))
    for name in TEXTS:
        # Blanks around a key are a part of it, and a text is looked for as it is.
        value = form.text(name) if name in ("key", "error_contains") else form.line(name)
        setattr(found, name, value)
    if form.line(OLDER):
        found.min_age_ms = read_ms("older than", form.line(OLDER))
    if form.line(YOUNGER):
        found.max_age_ms = read_ms("younger than", form.line(YOUNGER))
    return found


def pairs_of(form: Form, *, selection: bool = True) -> list[tuple[str, str]]:
    """The filter in a form as pairs, for links and other forms; without ``selection`` as if none were selected."""
    return [(name, value) for name, value in form if name in FIELDS and value and (selection or name != SELECTED)]
