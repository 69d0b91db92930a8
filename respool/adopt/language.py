"""Our JSONPath states in JSONata: for a machine that is JSONata itself, which holds no other."""

from typing import Any

from respool.deploy.definition import State

INPUT = "{% $states.input %}"


def in_jsonata(state: State) -> State:
    """The state rewritten in JSONata; its payload goes through an expression then."""
    if state.get("QueryLanguage") != "JSONPath":
        return state
    result: State = {}
    for name, value in state.items():
        result |= _field(name, value)
    if "Catch" in result:
        result["Catch"] = [_catcher(each) for each in result["Catch"]]
    return result


def _field(name: str, value: Any) -> State:
    if name == "QueryLanguage":
        return {name: "JSONata"}
    if name == "Parameters":
        return {"Arguments": _template(value)}
    if name == "ResultPath":
        return {"Output": INPUT}
    if name == "OutputPath":
        return {"Output": f"{{% {_expression(value)} %}}"}
    return {name: value}


def _catcher(catcher: State) -> State:
    """A catcher; one of the team's own, which is in JSONata already, stays as it is."""
    result: State = {}
    for name, value in catcher.items():
        if name == "ResultPath":
            result["Output"] = INPUT
        elif name == "Assign" and "respoolCaught" in repr(value):
            result[name] = {each[:-2]: "{% $states.errorOutput %}" for each in value}
        else:
            result[name] = value
    return result


def _template(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name.removesuffix(".$"): f"{{% {_expression(each)} %}}"
            if name.endswith(".$")
            else _template(each)
            for name, each in value.items()
        }
    return [_template(each) for each in value] if isinstance(value, list) else value


def _expression(path: str) -> str:
    """A path, or one of the two functions that our states use."""
    if path.startswith("States.StringToJson("):
        return f"$number({path[20:-1]})"
    if path.startswith("States.Format("):
        text, *values = (each.strip() for each in path[14:-1].split(","))
        pieces = text.strip("'").split("{}")
        parts = [f"'{pieces[0]}'"] if pieces[0] else []
        for value, piece in zip(values, pieces[1:], strict=True):
            parts += [value, *([f"'{piece}'"] if piece else [])]
        return " & ".join(parts)
    return "$states.context" + path[2:] if path.startswith("$$") else path
