"""Step Functions: the machines inside a Parallel and an inline Map, each a scope of its own."""

import copy
from collections.abc import Callable
from typing import Any

from ministack.services import stepfunctions as states

from respool.local.patches.attempts import SideBySide
from respool.local.patches.tokens import close_tokens_of_the_stopped

Data = dict[str, Any]

MOST = 40
"""How many items of an inline Map run at once."""


def branches_and_items_have_scopes() -> None:
    """AWS: a branch or item sees the variables around it, and what it assigns ends with it.

    Each has its own context object, token included. A Parallel and a Map in JSONata have
    Arguments, Output and Assign. The first failure ends the attempt: the other branches or items
    are stopped, and their tokens refused. The history tells when each attempt began and failed.
    """
    states._run_parallel_branches = _parallel
    states._run_map_items = _map


def succeed_states_have_an_output() -> None:
    """AWS: a Succeed state in JSONata may have an Output."""
    apply = states._apply_output_path

    def output(state: Data, value: Any, ctx: Any = None) -> Any:
        if state.get("Type") == "Succeed" and is_jsonata(state, ctx):
            return states._apply_jsonata_output(state, value, ctx, default=value)
        return apply(state, value, ctx)

    states._apply_output_path = output


def is_jsonata(state: Data, ctx: Data) -> bool:
    """Whether a state speaks JSONata."""
    return bool(states._state_query_language(state, ctx) == "JSONata")


def all_of(calls: list[Callable[[], Any]], most: int, kind: str, execution: Data) -> list[Any]:
    """The results of machines that run side by side in a state of that kind; the first failure
    stops the others, and stands in the history."""
    states._add_event(execution, f"{kind}StateStarted", {})
    try:
        return SideBySide(calls, most).run()
    except states._ExecutionError:
        states._add_event(execution, f"{kind}StateFailed", {})
        raise
    except Exception as failure:
        states._add_event(execution, f"{kind}StateFailed", {})
        raise states._ExecutionError("States.Runtime", str(failure)) from failure
    finally:
        close_tokens_of_the_stopped()


def outcome(state: Data, entered: Any, ctx: Data, result: Any) -> tuple[Any, str | None]:
    """What a Parallel or Map gives on, and the next state's name."""
    following: str | None = states._next_or_end(state)
    if is_jsonata(state, ctx):
        output = states._apply_jsonata_output(state, entered, ctx, result=result, default=result)
        states._apply_state_assign(state, entered, ctx, result=result)
        return output, following
    selected = states._apply_result_selector(state, result)
    output = states._apply_result_path(state, entered, selected)
    return states._apply_output_path(state, output, ctx), following


def most_at_once(state: Data, entered: Any, ctx: Data) -> int:
    """How many items of a Map run at once; 0 where nothing bounds them."""
    if "MaxConcurrencyPath" in state:
        return int(states._resolve_path_or_ctx(state["MaxConcurrencyPath"], entered, ctx))
    if is_jsonata(state, ctx) and "MaxConcurrency" in state:
        return int(states._jsonata_state_field(state, "MaxConcurrency", "number", entered, ctx))
    return int(state.get("MaxConcurrency", 0))


def selected_item(state: Data, entered: Any, ctx: Data, index: int, item: Any) -> tuple[Any, Data]:
    """What an item's machine is given, and the context object with the item."""
    of_item = copy.deepcopy(ctx)
    of_item["Map"] = {"Item": {"Index": index, "Value": item}}
    selector = state.get("ItemSelector") or state.get("Parameters")
    if not selector:
        return item, of_item
    if is_jsonata(state, ctx):
        return states._apply_jsonata_template(selector, entered, of_item), of_item
    effective = states._apply_input_path(state, entered, ctx)
    return states._resolve_params_obj(selector, effective, of_item), of_item


def _parallel(state: Data, entered: Any, execution: Data, ctx: Data) -> Any:
    if is_jsonata(state, ctx):
        input = states._apply_jsonata_arguments(state, entered, ctx)
    else:
        input = states._apply_parameters(state, states._apply_input_path(state, entered, ctx), ctx)

    def branch(machine: Data) -> Callable[[], Any]:
        own = copy.deepcopy(ctx)
        return lambda: states._run_sub_machine(
            machine["States"], machine["StartAt"], input, execution, own
        )

    calls = [branch(one) for one in state.get("Branches", [])]
    results = all_of(calls, 0, "Parallel", execution)
    return outcome(state, entered, ctx, results)


def _map(state: Data, entered: Any, execution: Data, ctx: Data) -> Any:
    machine = state.get("Iterator") or state.get("ItemProcessor", {})
    if machine.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        effective = states._apply_input_path(state, entered, ctx)
        return states._run_distributed_map(state, entered, effective, machine, execution, ctx)

    def run(index: int, item: Any) -> Any:
        input, own = selected_item(state, entered, ctx, index, item)
        return states._run_sub_machine(machine["States"], machine["StartAt"], input, execution, own)

    def call(index: int, item: Any) -> Callable[[], Any]:
        return lambda: run(index, item)

    calls = [call(*each) for each in enumerate(items_of(state, entered, ctx))]
    most = most_at_once(state, entered, ctx)
    results = all_of(calls, min(most or MOST, MOST), "Map", execution)
    return outcome(state, entered, ctx, results)


def items_of(state: Data, entered: Any, ctx: Data) -> list[Any]:
    """The items of a Map: by Items, ItemsPath or ItemReader."""
    effective = states._apply_input_path(state, entered, ctx)
    items: Any = effective
    if reader := state.get("ItemReader"):
        if is_jsonata(state, ctx) and "Arguments" in reader:
            arguments = states._apply_jsonata_template(reader["Arguments"], entered, ctx)
            reader = {**reader, "Arguments": arguments}
        items = states._read_map_items(reader, effective, ctx)
    elif is_jsonata(state, ctx):
        if "Items" in state:
            items = states._jsonata_state_field(state, "Items", "array", entered, ctx)
    else:
        items = states._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
    if not isinstance(items, list):
        raise states._ExecutionError("States.Runtime", "The items of a Map must be an array")
    return items
