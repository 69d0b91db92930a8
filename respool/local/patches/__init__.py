"""Where the emulator differs from AWS, patched from outside; each patch says what AWS does."""

from respool.local.patches import (
    children,
    executions,
    expressions,
    failures,
    gateway,
    history,
    lambdas,
    limits,
    numbers,
    redrive,
    scopes,
    stacks,
    tables,
    timeouts,
    tokens,
    variables,
)

COMFORTS = (
    gateway.apis_are_found_in_every_account,
    lambdas.crowds_wait_for_an_environment,
    lambdas.functions_are_active_at_once,
    lambdas.packages_are_unpacked_once,
    executions.expressions_have_time_on_a_busy_machine,
)
"""What AWS does otherwise, or need not do: one machine has less room, and tests have less time."""
PATCHES = (
    *COMFORTS,
    gateway.imports_take_effect,
    lambdas.errors_bear_their_class_name,
    lambdas.updates_spare_running_invocations,
    executions.repeated_starts_return_the_execution,
    executions.closed_executions_stay_closed,
    executions.retries_follow_their_delays,
    executions.some_errors_escape_states_all,
    executions.throttled_lambdas_have_a_name,
    executions.assignments_see_the_values_before,
    expressions.strings_keep_their_characters,
    numbers.expressions_compute_in_doubles,
    numbers.large_numbers_are_written_in_full,
    tokens.each_attempt_has_its_own_token,
    tokens.failed_invocations_fail_the_task,
    tokens.tokens_work_once,
    tokens.outputs_are_json,
    history.events_follow_those_of_their_branch,
    history.task_events_have_their_names,
    history.scheduled_tasks_tell_their_parameters,
    redrive.dead_executions_are_redriven,
    timeouts.executions_time_out_as_a_whole,
    timeouts.timeouts_of_tasks_have_no_words,
    failures.failed_executions_have_no_output,
    failures.sdk_errors_name_their_request,
    limits.payloads_end_at_256_kib,
    variables.json_path_states_have_variables,
    variables.rules_and_catchers_speak_their_states_language,
    scopes.branches_and_items_have_scopes,
    scopes.succeed_states_have_an_output,
    children.children_are_executions,
    stacks.disabled_mappings_are_disabled,
    stacks.generated_secrets_follow_their_rules,
    stacks.alarms_may_compute,
    tables.writes_are_atomic,
    tables.attributes_share_no_value,
)


def apply() -> None:
    """Change the emulator in this process; call it once, before it serves."""
    for patch in PATCHES:
        patch()
