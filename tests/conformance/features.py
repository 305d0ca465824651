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
        Feature(
            "subscriptions: topics of Kafka and NATS JetStream call handlers, each message once",
            (
                "tests/sources/test_kafka.py::test_each_message_is_told_once_and_in_order_however_often_the_node_is_killed",
                "tests/sources/test_nats.py::test_each_message_is_told_once_and_in_order_however_often_the_node_is_killed",
                "tests/sources/test_subscriptions.py::test_a_message_that_is_no_call_is_named_and_can_be_left_out",
            ),
        ),
        Feature(
            "schedules: cron and intervals call handlers, each time once",
            (
                "tests/sources/test_schedules.py::test_two_who_keep_the_same_times_make_one_call_of_each",
                "tests/sources/test_schedules.py::test_what_was_called_before_a_restart_is_not_called_after_it",
            ),
        ),
        Feature(
            "an OpenAPI document of the JSON side",
            ("tests/ingress/http/test_openapi.py::test_it_has_the_public_handlers_and_nothing_of_the_private_ones",),
        ),
    ),
    "Operations": (
        Feature("new invocations go to the newest deployment, those in flight stay"),
        Feature("a call waits until an endpoint serves it"),
        Feature("an operator looks at an invocation and its journal"),
        Feature("purge forgets an ended invocation"),
        Feature(
            "an operator finds, fixes and cleans up an incident with the web UI, SQL and the command line",
            ("tests/e2e/test_incident.py::test_an_incident_is_found_fixed_and_cleaned_up",),
        ),
        Feature(
            "the admin API as gRPC and as JSON, with an OpenAPI document",
            (
                "tests/admin/test_json.py::test_an_answer_is_the_same_by_json_and_by_grpc",
                "tests/admin/test_openapi.py::test_it_has_every_rpc",
                "tests/admin/test_openapi.py::test_it_is_served_as_it_is_and_answers_fit_it",
            ),
        ),
        Feature(
            "invocations are found by any filter and paged",
            (
                "tests/admin/test_invocations.py::test_a_filter_finds_and_counts_what_fits_all_of_it",
                "tests/admin/test_filters.py::test_pages_of_a_filter_have_all_that_fits_once_and_in_order",
            ),
        ),
        Feature(
            "many invocations are acted on by a filter",
            (
                "tests/admin/test_many.py::test_thousands_are_paged_killed_and_purged",
                "tests/admin/test_invocations.py::test_restarting_all_that_failed_ends_though_they_fail_again",
            ),
        ),
        Feature(
            "payloads, state and errors are shown as JSON with the names of the contract",
            (
                "tests/admin/test_invocations.py::test_an_ended_invocation_shows_its_payloads_with_field_names",
                "tests/admin/test_invocations.py::test_a_terminal_error_is_shown_with_its_name_and_decoded_details",
                "tests/admin/test_journals.py::test_commands_show_what_they_carry_and_what_they_were_completed_with",
            ),
        ),
        Feature(
            "state is edited with a version check",
            (
                "tests/admin/test_keys.py::test_an_edit_changes_what_handlers_read_and_gives_the_new_version",
                "tests/admin/test_keys.py::test_an_edit_of_what_has_changed_meanwhile_is_refused",
            ),
        ),
        Feature(
            "settings of a service over its contract",
            ("tests/ui/test_forms.py::test_settings_of_a_service_are_set_together",),
        ),
        Feature(
            "the web UI",
            (
                "tests/ui/test_browser.py::test_every_page_can_be_read_in_light_and_dark",
                "tests/ui/test_browser.py::test_the_list_is_used_by_keys_alone",
                "tests/ui/test_browser.py::test_everything_is_done_without_a_script",
                "tests/ui/test_browser.py::test_a_thousand_are_purged_while_one_watches",
            ),
        ),
        Feature(
            "the command line: a test for every command, a manual with every option",
            (
                "tests/cli/test_commands.py::test_every_command_has_a_test",
                "tests/cli/test_commands.py::test_the_manual_has_every_command_and_option_as_the_app_has_it",
            ),
        ),
        Feature(
            "SQL that never writes and never holds up a node",
            (
                "tests/query/test_pushing.py::test_answers_are_those_of_sqlite_over_plain_tables",
                "tests/query/test_limits.py::test_nothing_but_reading_views_is_done",
                "tests/query/test_process.py::test_an_endless_query_ends_and_the_loop_runs_all_the_while",
            ),
        ),
        Feature(
            "configuration by file, environment and flags",
            (
                "tests/config/test_sources.py::test_flags_come_before_the_environment_that_before_the_file_and_the_file_before_defaults",
                "tests/config/test_documentation.py::test_each_setting_is_documented_with_its_type_default_variable_flag_and_meaning",
            ),
        ),
        Feature(
            "traces from the caller to the step",
            (
                "tests/telemetry/test_context.py::test_a_called_invocation_belongs_to_its_caller",
                "tests/telemetry/test_context.py::test_a_sent_invocation_begins_a_trace_and_is_linked",
            ),
        ),
        Feature(
            "metrics",
            (
                "tests/telemetry/test_metrics.py::test_every_metric_is_shown_with_its_help_and_those_of_the_process_too",
                "tests/telemetry/test_docs.py::test_the_page_has_every_metric_as_it_is",
            ),
        ),
        Feature(
            "logs that are silent during replay",
            (
                "tests/telemetry/test_handler_logs.py::test_a_replay_logs_nothing_again",
                "tests/telemetry/test_handler_logs.py::test_a_line_says_whose_it_is",
            ),
        ),
        Feature(
            "backup and restore",
            (
                "tests/cli/test_backup.py::test_a_node_that_runs_is_backed_up_and_restored",
                "tests/storage/test_backup.py::test_what_is_restored_is_what_was_saved",
            ),
        ),
    ),
    "Trust": (
        Feature(
            "every endpoint refuses who is not known",
            (
                "tests/security/test_admin_access.py::test_every_rpc_of_grpc_refuses_who_is_not_known",
                "tests/security/test_admin_access.py::test_every_path_of_http_refuses_who_is_not_known",
                "tests/security/test_ingress_access.py::test_every_method_of_grpc_refuses_who_is_not_known",
            ),
        ),
        Feature(
            "roles of operators, services of callers",
            (
                "tests/security/test_admin_access.py::test_nobody_does_more_than_their_role_allows",
                "tests/security/test_ingress_access.py::test_somebody_calls_the_services_that_their_patterns_name",
            ),
        ),
        Feature(
            "TLS and mutual TLS on every listener and connection",
            (
                "tests/security/test_listeners.py::test_one_port_speaks_json_and_grpc_behind_tls",
                "tests/security/test_peers.py::test_a_node_without_a_certificate_is_not_let_in",
                "tests/security/test_endpoints.py::test_node_and_endpoint_speak_tls_with_certificates_of_both",
            ),
        ),
        Feature(
            "requests from node to endpoint are signed",
            (
                "tests/security/test_endpoints.py::test_an_endpoint_refuses_what_nobody_or_somebody_else_has_signed",
                "tests/security/test_endpoints.py::test_a_request_that_was_overheard_is_not_taken_again",
            ),
        ),
        Feature(
            "nothing beyond loopback without authentication",
            ("tests/security/test_binding.py::test_beyond_this_machine_nothing_listens_without_authentication",),
        ),
        Feature(
            "a payload codec: storage holds only ciphertext",
            ("tests/storage/test_codec.py::test_a_database_with_a_codec_has_no_payload_in_it",),
        ),
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
NOT_YET = ("queues with concurrency, rates and priorities",)


def names() -> list[str]:
    """All promises."""
    return [feature.name for section in SECTIONS.values() for feature in section]
