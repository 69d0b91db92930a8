"""Names of our states and variables: at most 80 characters, and nobody else's."""

import hashlib
import json
import re
from collections.abc import Iterable

from respool.deploy.definition import Definition, all_states, strings

MOST = 80
OURS = ("respool", "respoolFailure", "respoolNoted", "respoolExpires", "respoolCaught")
ITEM = "respoolItem"
_USED = re.compile(r"\$(respool\w*)")


class Names:
    """Gives out names, each once."""

    def __init__(self, definition: Definition, single: bool) -> None:
        self._taken = {name for name, _ in all_states(definition)}
        self._single = single
        self._variables = set(_variables(definition))

    def state(self, local: str, task: str) -> str:
        """The name of one of our states around a task: bare where there is one task alone."""
        first_choice = local if self._single else _fitting(local, task)
        if first_choice in self._taken:
            first_choice = _fitting(local, task)
        name, number = first_choice, 2
        while name in self._taken:
            name = f"{first_choice[: MOST - len(str(number)) - 1]} {number}"
            number += 1
        self._taken.add(name)
        return name

    def suffix(self) -> str:
        """What follows the names of a scope's variables, so that they are nobody else's."""
        number = 1
        while self._variables & set(_suffixed(number)):
            number += 1
        self._variables |= set(_suffixed(number))
        return "" if number == 1 else str(number)

    def item(self) -> str:
        """A variable for the number of an outer Map's item."""
        number = 1
        while f"{ITEM}{number}" in self._variables:
            number += 1
        self._variables.add(f"{ITEM}{number}")
        return f"{ITEM}{number}"


def _suffixed(number: int) -> Iterable[str]:
    return (name if number == 1 else f"{name}{number}" for name in OURS)


def _fitting(local: str, task: str) -> str:
    whole = f"{local}: {task}"
    if len(whole) <= MOST:
        return whole
    digest = hashlib.sha256(task.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{whole[: MOST - 7]}~{digest}"


def _variables(definition: Definition) -> Iterable[str]:
    """What the team assigns or reads under names like ours."""
    for text in strings(definition):
        yield from _USED.findall(text)
    yield from _assigned(definition)


def _assigned(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        assign = value.get("Assign")
        if isinstance(assign, dict):
            yield from (name.removesuffix(".$") for name in assign)
        for each in value.values():
            yield from _assigned(each)
    elif isinstance(value, list):
        for each in value:
            yield from _assigned(each)


def literal(text: str) -> str:
    """A text as JSONata writes it, whatever quotes it holds."""
    if re.fullmatch(r"[^'\"\\%\x00-\x1f]*", text):
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("%", "\\u0025")
