"""JSONata expressions: what AWS refuses when a machine is made, and what would fail at work."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from respool.deploy.checks.languages import parts
from respool.deploy.definition import State, all_states, strings

DEEPEST = 100
"""Levels of an expression that AWS evaluates."""

_NAMES = (
    "abs append assert average base64decode base64encode boolean ceil clone contains count"
    " decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error exists filter"
    " floor foldLeft formatBase formatInteger formatNumber fromMillis hash join keys length lookup"
    " lowercase map match max merge millis min not now number pad parse parseInteger partition"
    " power random range reduce replace reverse round shuffle sift single sort split spread sqrt"
    " string substring substringAfter substringBefore sum toMillis trim type uppercase uuid"
    " zip"
)
FUNCTIONS = frozenset(_NAMES.split())
"""JSONata's functions without `eval`, and Step Functions' own."""

_APART = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|/\*.*?\*/|(?<=[(,=?:])\s*/(?:[^/\\]|\\.)+/[im]*""",
    re.DOTALL,
)
"""Texts, quoted names, comments and patterns: no names are in them."""
_NAME = re.compile(r"\$([A-Za-z_]\w*)(\s*\()?")
_BOUND = re.compile(r"\$(\w+)\s*:=|[@#]\$(\w+)")
_PARAMETERS = re.compile(r"(?:function|\u03bb)\s*\(([^)]*)\)")


def variables_of(definition: State) -> set[str]:
    """Every variable that some state of a definition assigns, at any depth."""
    return {
        assigned.removesuffix(".$")
        for _, state in all_states(definition)
        for _, holder in parts(state)
        if isinstance(holder.get("Assign"), dict)
        for assigned in holder["Assign"]
    }


def findings(name: str, state: State, variables: Collection[str]) -> Iterator[str]:
    """What is wrong with the expressions of a JSONata state, its nested states aside."""
    for place, holder in parts(state):
        own = {k: v for k, v in holder.items() if k not in ("Catch", "Choices", *_NESTED)}
        for text in strings(own):
            if text.startswith("{%") and text.endswith("%}"):
                problems = _findings(text[2:-2], variables, place.startswith("Catch"))
                yield from (f"state {name}: {text[:40]!r} {one}" for one in problems)


_NESTED = ("Branches", "ItemProcessor", "Iterator")


def _findings(expression: str, variables: Collection[str], catching: bool) -> Iterator[str]:
    plain = _APART.sub(" '' ", expression)
    if "$$" in plain:
        yield "has $$, which AWS refuses. The context object is $states.context."
    if "$states.errorOutput" in plain and not catching:
        yield "reads $states.errorOutput, which there is in a Catch alone."
    parameters = ",".join(_PARAMETERS.findall(plain))
    bound = {name for pair in _BOUND.findall(plain) for name in pair}
    own = {*bound, *re.findall(r"\$(\w+)", parameters)}
    for variable, call in _NAME.findall(plain):
        if variable in own or variable == "states":
            continue
        if call and variable not in FUNCTIONS | set(variables):
            yield f"calls ${variable}, which is not a function that AWS knows."
        elif not call and variable not in {*variables, *FUNCTIONS}:
            yield f"reads ${variable}, which no state assigns."
    yield from _parsed(expression)


def _parsed(expression: str) -> Iterator[str]:
    """What only a parser sees; without one, AWS tells it when the machine is made."""
    try:
        from jsonata.jexception import JException
        from jsonata.parser import Parser
    except ImportError:
        return
    try:
        tree = Parser().parse(expression)
    except JException as wrong:
        yield f"is not JSONata: {wrong}"
        return
    names, depth = _walk(tree)
    for bare in names:
        yield f"reads {bare}, and there is nothing at the top. Begin with $states or a variable."
    if depth > DEEPEST:
        yield f"is {depth} levels deep, {DEEPEST} are allowed."


def _walk(tree: Any) -> tuple[list[str], int]:
    """Names that are read where there is no context, and the depth of the tree."""
    names: list[str] = []
    deepest = 0
    seen: set[int] = set()
    ahead: list[tuple[Any, bool, int]] = [(tree, True, 1)]
    while ahead:
        node, top, depth = ahead.pop()
        if isinstance(node, (list, tuple)):
            ahead += [(inner, top, depth) for inner in node]
        elif hasattr(node, "type") and id(node) not in seen:
            seen.add(id(node))
            deepest = max(deepest, depth)
            if node.type == "name" and top:
                names.append(str(node.value))
            ahead += [(inner, top and has, depth + 1) for inner, has in _inside(node)]
    return names, deepest


def _inside(node: Any) -> Iterator[tuple[Any, bool]]:
    """The parts of a node, and whether each is read in the same context as the node itself."""
    for field, value in vars(node).items():
        if field == "steps" and value:
            yield value[0], True
            yield value[1:], False
        elif field not in ("_outer_instance", "next_function", "slot", "seeking_parent"):
            yield value, field not in ("predicate", "stages", "group", "pattern", "update")
