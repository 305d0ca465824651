"""What perdure promises: the rows of docs/features.md, and the tests outside of this suite that prove some of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One promise; tests name it with ``@pytest.mark.feature``.

    Attributes:
        elsewhere: Tests of other folders that prove it, as path::name, where this suite has none or not all.
    """

    name: str
    elsewhere: tuple[str, ...] = ()


SECTIONS: dict[str, tuple[Feature, ...]] = {
    "Contract and code generation": (
        Feature("services, virtual objects and workflows from one contract"),
        Feature("one writer a key: exclusive handlers"),
        Feature("shared handlers run beside the writer"),
        Feature("workflows: run once per id"),
        Feature("options of a handler win over those of its service"),
        Feature("private services and handlers"),
        Feature("idempotency retention"),
        Feature("journal retention"),
        Feature("workflow retention"),
        Feature("typed clients from outside: async and blocking"),
        Feature("one generated client for handlers and for programs outside"),
        Feature(
            "buf generate, protoc and the command without buf give the same",
            (
                "tests/codegen/test_golden.py::test_generate_gives_the_committed_code_byte_for_byte",
                "tests/codegen/test_golden.py::test_protoc_gives_the_same_in_whatever_order_it_is_given_files",
                "tests/codegen/test_golden.py::test_buf_gives_the_same_as_protoc",
            ),
        ),
        Feature("buf lint and buf breaking read the contract"),
        Feature(
            "generated code passes mypy --strict",
            (
                "tests/typing/test_typing.py::test_right_code_and_the_generated_code_have_no_errors",
                "tests/typing/test_typing.py::test_a_mistake_is_found",
            ),
        ),
        Feature(
            "comments of the contract become docstrings",
            ("tests/codegen/test_layout.py::test_a_docstring_says_what_the_comment_says",),
        ),
    ),
    "Durable execution": (
        Feature("a step runs once and its result is replayed"),
        Feature("the result of a step is typed"),
        Feature("the result of a step is durable before the next step starts"),
        Feature("the retry policy of a step: initial interval, factor and max interval"),
        Feature("the retry policy of a step: max attempts"),
        Feature("the retry policy of a step: max duration"),
        Feature("a step without a policy is retried as its handler is"),
        Feature("a terminal error ends a step"),
        Feature("sync functions run in threads"),
        Feature("operations of a handler run at once"),
        Feature("calls and sends between handlers"),
        Feature("delayed sends between handlers"),
        Feature("idempotency keys between handlers"),
        Feature("generic calls by name with raw bytes"),
        Feature("invocation handles in handlers: id, attach, output"),
        Feature("invocation handles in handlers: cancel"),
        Feature("sleep"),
        Feature("deterministic random, uuid4 and now"),
        Feature("durable futures: gather"),
        Feature("durable futures: race and select"),
        Feature("durable futures: as_completed"),
        Feature("durable futures: wait"),
        Feature("durable futures: or_timeout"),
        Feature("what asyncio cannot replay is refused by name"),
        Feature("typed state: get and set"),
        Feature("state: clear, clear_all, keys"),
        Feature("state: eager, and lazy where it is large"),
        Feature("state is read-only in shared handlers"),
        Feature("state is exactly once"),
        Feature("awakeables are typed"),
        Feature("awakeables: resolve and reject from another handler"),
        Feature("awakeables: resolve and reject from the client"),
        Feature("awakeables: the first result stays"),
        Feature("workflow promises: value, peek, resolve, reject"),
        Feature("workflows: must_be_new"),
        Feature("workflows: shared handlers before, beside and after run"),
        Feature("signals to an invocation"),
        Feature("terminal errors: code, message and typed details"),
        Feature("retryable errors with retry-after"),
        Feature("any other error is retried with exponential backoff"),
        Feature("on max attempts: pause"),
        Feature("on max attempts: fail"),
        Feature("sagas with compensations"),
        Feature("cancellation raises in the handler where it waits"),
        Feature("a step that runs is let end before the handler is cancelled"),
        Feature("cancellation by handle, gRPC, HTTP, admin and command"),
        Feature("cancellation travels down the call tree, leaves first"),
        Feature("compensations run after a cancellation"),
        Feature("cancellation: shield"),
        Feature("cancellation: explicit handling"),
        Feature("cancellation before the start"),
        Feature("kill ends an invocation and what it has called, at once"),
        Feature("request facts: invocation id, attempt, headers, idempotency key, deployment"),
        Feature("suspension and the inactivity timeout"),
        Feature("the abort timeout"),
        Feature("non-determinism detection"),
        Feature("pause and resume"),
        Feature("resume on another deployment"),
        Feature("restart as new"),
        Feature("restart from an entry"),
        Feature(
            "the runtime may die anywhere",
            (
                "tests/e2e/test_sigkill.py::test_the_saga_ends_the_same_wherever_it_is_killed",
                "tests/e2e/test_sigkill.py::test_a_node_killed_with_a_thousand_invocations_in_flight_ends_them_all_once",
            ),
        ),
        Feature("the endpoint may die anywhere"),
    ),
    "Ingress": (
        Feature("any gRPC client calls"),
        Feature("server reflection and health"),
        Feature("JSON over HTTP"),
        Feature("send and delayed send from outside"),
        Feature("idempotency keys from outside"),
        Feature("invocation id in every answer"),
        Feature("attach, and output without waiting"),
        Feature("awakeables: resolve and reject over HTTP"),
        Feature("awakeables: resolve and reject over gRPC"),
        Feature("workflow attach and output by id"),
        Feature("a deadline ends the wait, not the invocation"),
    ),
    "Operations": (
        Feature("new invocations go to the newest deployment, those in flight stay"),
        Feature("a call waits until an endpoint serves it"),
        Feature("an operator looks at an invocation and its journal"),
        Feature("purge forgets an ended invocation"),
    ),
    "Testing support": (
        Feature(
            "a pytest fixture runs handlers on the real runtime in memory",
            (
                "tests/testing/test_plugin.py::test_async_tests_with_the_fixture_run",
                "tests/testing/test_guide.py::test_the_contract_generates_and_the_tests_of_the_guide_pass",
            ),
        ),
        Feature(
            "tests with always-replay",
            (
                "tests/testing/test_replay.py::test_each_result_is_seen_by_a_new_attempt",
                "tests/testing/test_replay.py::test_code_that_does_not_repeat_itself_raises_both_sides_out_of_the_call",
            ),
        ),
        Feature(
            "tests without retries",
            ("tests/testing/test_failures.py::test_without_retries_the_first_failure_is_raised_with_its_traceback",),
        ),
        Feature(
            "tests with a clock that skips time",
            ("tests/testing/test_clock.py::test_a_month_passes_in_an_instant_while_a_call_is_awaited",),
        ),
        Feature(
            "failure injection at any journal entry",
            (
                "tests/testing/test_crashes.py::test_everywhere_is_before_and_after_each_entry_of_each_journal",
                "tests/testing/test_crashes.py::test_the_crash_that_a_scenario_does_not_survive_is_named",
            ),
        ),
    ),
}

# Of the same sections, and not built yet.
NOT_YET = (
    "an OpenAPI document of the JSON side",
    "subscriptions: topics of Kafka and NATS JetStream call handlers",
    "schedules: cron and intervals call handlers",
    "queues with concurrency, rates and priorities",
)


def names() -> list[str]:
    """All promises."""
    return [feature.name for section in SECTIONS.values() for feature in section]
