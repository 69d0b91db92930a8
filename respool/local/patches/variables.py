"""Step Functions: workflow variables in JSONPath machines, and in the JSONata states among theirs.

The emulator knows variables in machines that are JSONata as a whole.
"""

import re
from contextvars import ContextVar
from functools import cache
from typing import Any

from ministack.services import stepfunctions as states

from respool.local.patches.limits import check_size

Data = dict[str, Any]

HANDLERS = ("pass", "task", "choice", "wait", "parallel", "map")
INTERNAL = ("QueryLanguage", "variables")
"""What the emulator keeps in the context object, and AWS does not."""
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)(.*)", re.DOTALL)
_running: ContextVar[tuple[Data, Data]] = ContextVar("running")


@cache
def json_path_states_have_variables() -> None:
    """AWS: `$name.field` reads a variable wherever a JSONPath state takes a path.

    Its Assign sets some, and so does that of its catchers and choice rules; `$` is the state's
    result there, in a catcher the error, and `$$` the context object.
    """
    _know_what_runs()
    _read_variables()
    _assign_results()
    _assign_errors()
    _assign_choices_and_waits()


def resolved(template: Any, seen: Any, ctx: Data) -> Any:
    """What a JSONPath payload template makes of the value that `$` means, and of the variables."""
    json_path_states_have_variables()
    _running.set(({}, ctx))
    return states._resolve_params_obj(template, seen, ctx)


@cache
def rules_and_catchers_speak_their_states_language() -> None:
    """AWS: a JSONata state's choice rules and catchers assign by JSONata in any machine."""
    assign = states._apply_state_assign

    def assign_in_its_language(holder: Data, entered: Any, ctx: Any = None, **more: Any) -> None:
        state, _ = _running.get(({}, {}))
        if "QueryLanguage" in state:
            holder = {"QueryLanguage": state["QueryLanguage"], **holder}
        assign(holder, entered, ctx, **more)

    states._apply_state_assign = assign_in_its_language
    _know_what_runs()


def _know_what_runs() -> None:
    for kind in HANDLERS:
        name = f"_execute_{kind}"
        handle = getattr(states, name)
        if not hasattr(handle, "knows"):
            setattr(states, name, _noting(handle))


def _noting(handle: Any) -> Any:
    def noted(state: Data, entered: Any, *args: Any) -> Any:
        _running.set((state, args[-1]))
        return handle(state, entered, *args)

    noted.knows = True  # type: ignore[attr-defined]
    return noted


def _read_variables() -> None:
    resolve = states._resolve_path

    def resolve_variable(path: str, data: Any) -> Any:
        _, ctx = _running.get(({}, {}))
        if path == "$$":
            return {name: value for name, value in ctx.items() if name not in INTERNAL}
        match = _VARIABLE.fullmatch(path or "")
        if not match:
            return resolve(path, data)
        name, rest = match.groups()
        if name not in ctx.get("variables", {}):
            raise states._ExecutionError("States.Runtime", f"There is no variable ${name}")
        return resolve(f"${rest}", ctx["variables"][name])

    states._resolve_path = resolve_variable


def _assign_results() -> None:
    select = states._apply_result_selector

    def select_and_assign(state: Data, result: Any) -> Any:
        selected = select(state, result)
        _assign(state, selected)
        return selected

    states._apply_result_selector = select_and_assign


def _assign_errors() -> None:
    catch = states._apply_catcher

    def catch_and_assign(catcher: Data, entered: Any, ctx: Data, language: str, error: Any) -> Any:
        output = catch(catcher, entered, ctx, language, error)
        _assign(catcher, error)
        return output

    states._apply_catcher = catch_and_assign


def _assign_choices_and_waits() -> None:
    choose, wait = states._execute_choice, states._execute_wait

    def choose_and_assign(state: Data, entered: Any, ctx: Data) -> Any:
        chosen = choose(state, entered, ctx)
        if states._state_query_language(state, ctx) != "JSONata":
            rules = state.get("Choices", [])
            seen = states._apply_input_path(state, entered, ctx)
            fits = (rule for rule in rules if states._evaluate_rule(rule, seen, ctx))
            _assign(next(fits, state), seen)
        return chosen

    def wait_and_assign(state: Data, entered: Any, ctx: Data) -> Any:
        output = wait(state, entered, ctx)
        _assign(state, entered)
        return output

    states._execute_choice = choose_and_assign
    states._execute_wait = wait_and_assign


def _assign(holder: Data, seen: Any) -> None:
    """Evaluate a JSONPath Assign on the values from before; none is set where one fails."""
    state, ctx = _running.get(({}, {}))
    if "Assign" not in holder or states._state_query_language(state, ctx) == "JSONata":
        return
    assigned = states._resolve_params_obj(holder["Assign"], seen, ctx)
    check_size(assigned, "What the state assigns")
    ctx.setdefault("variables", {}).update(assigned)
