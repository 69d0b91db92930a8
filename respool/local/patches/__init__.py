"""Where the emulator differs from AWS, patched from outside; each patch says what AWS does."""

from respool.local.patches import (
    executions,
    expressions,
    gateway,
    history,
    lambdas,
    limits,
    stacks,
    tables,
    timeouts,
    tokens,
)

PATCHES = (
    gateway.imports_take_effect,
    gateway.apis_are_found_in_every_account,
    lambdas.errors_bear_their_class_name,
    lambdas.updates_spare_running_invocations,
    lambdas.crowds_wait_for_an_environment,
    lambdas.functions_are_active_at_once,
    executions.repeated_starts_return_the_execution,
    executions.closed_executions_stay_closed,
    executions.retries_follow_their_delays,
    executions.some_errors_escape_states_all,
    executions.throttled_lambdas_have_a_name,
    executions.assignments_see_the_values_before,
    executions.expressions_have_time_on_a_busy_machine,
    expressions.strings_keep_their_characters,
    tokens.each_attempt_has_its_own_token,
    tokens.failed_invocations_fail_the_task,
    tokens.tokens_work_once,
    history.task_events_have_their_names,
    timeouts.executions_time_out_as_a_whole,
    limits.payloads_end_at_256_kib,
    stacks.disabled_mappings_are_disabled,
    stacks.generated_secrets_follow_their_rules,
    tables.writes_are_atomic,
)


def apply() -> None:
    """Change the emulator in this process; call it once, before it serves."""
    for patch in PATCHES:
        patch()
