"""What a waiting job's key is made of: a value of the input, the item's number, the state."""

import re

from chalicelib.job.claim import job_pk
from respool.adopt.naming import literal
from respool.adopt.refusals import Refused

OWN = (
    "$type(<INPUT>) = 'object' and $exists(<INPUT>.key)"
    " ? $string(<INPUT>.key) : $states.context.Execution.Name"
)
"""The stage's own machine: BadInput has refused what can't be a key."""
GIVEN = "$states.context.Execution.Input"
NAME = "$states.context.Execution.Name"
_USABLE = (
    "($k := {expression}; $t := $type($k); ($t = 'string' ? $length($k) > 0 and $length($k) < 257"
    " : $t = 'number' ? $abs($k) < 1000000000000000 : $t = 'boolean') ? {usable} : {else_})"
)
"""What makes no key is passed over: a pipeline that ran without respool is not failed by it."""
_DEFAULT = f"($type({GIVEN}) = 'object' ? {GIVEN}.key)"
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]|\['([^']*)'\]")


def foreign(key: str, distributed: bool) -> str:
    """The key's beginning in another machine: the value of --key, else the execution's name.

    A distributed Map's child has an input and a name of its own. Raises Refused.
    """
    expression = _expression(key) if key else _DEFAULT
    if not distributed:
        return _USABLE.format(expression=expression, usable="$string($k)", else_=NAME)
    value = _USABLE.format(expression=expression, usable="$string($k) & '/'", else_="''")
    return f"{value} & {NAME}"


def _expression(key: str) -> str:
    if key.startswith("{%") and key.endswith("%}"):
        return f"({key[2:-2].strip()})"
    if key.startswith("$$."):
        return "$states.context" + _steps(key[2:], key)
    if key.startswith("$"):
        return GIVEN + _steps(key[1:], key)
    raise Refused(
        f"--key {key!r} is neither a JSONPath nor JSONata. Write such as '$.order.id', of the"
        " execution's input, or '{% $states.input.id %}', of what the task is given."
    )


def _steps(path: str, key: str) -> str:
    steps, end = "", 0
    for step in _STEP.finditer(path):
        if step.start() != end:
            break
        end = step.end()
        name, number, quoted = step.groups()
        steps += f"[{number}]" if number else f".`{name or quoted}`"
    if end != len(path) or not path:
        raise Refused(
            f"--key {key!r} is more than names and numbers. Write it as JSONata: {{% … %}}."
        )
    return steps


def of_place(base: str, items: list[str], state: str) -> str:
    """The key where a job can wait: its beginning, each item around it, and the state."""
    parts = [f"({base})", *items, *([literal(f"/{state}")] if state else [])]
    return " & ".join(parts) if len(parts) > 1 else base


def pk(key: str, machine: str) -> str:
    """The claim's own key in the table."""
    return f"'{job_pk('', machine)}' & ({key})"
