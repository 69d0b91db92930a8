"""Definitions as text: read and written, with placeholders that stand without quotes."""

import difflib
import json
import re
from typing import Any

import yaml

from respool.adopt.refusals import Refused
from respool.deploy.definition import Definition, rewrite

_BARE = re.compile(r'"(?:[^"\\]|\\.)*"|\$\{[^}"]*\}')
_PLAIN = re.compile(r"\$\{[^}]*\}")
_LEFT, _RIGHT = "\ue000", "\ue001"
_BOUNDS = re.compile(f"[{_LEFT}{_RIGHT}]")
TAG = "\ue002"
"""Begins the one field of an object that stands for a value with a tag: `!Sub text`."""
_MARKED = re.compile(rf'\\*"{_LEFT}([^{_RIGHT}]*){_RIGHT}\\*"')
WIDTH = 100


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML as JSON means it: no dates, only true and false are booleans, and tags are kept."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """YAML without aliases; a placeholder is quoted where it was."""

    def ignore_aliases(self, data: Any) -> bool:
        """Every value is written out."""
        del data
        return True


Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith((":timestamp", ":bool"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false|True|False)$"), list("tTfF")
)


def _text(loader: Any, node: Any) -> str:
    """A text; a placeholder without quotes is marked, for it may stand for a number."""
    text = str(loader.construct_scalar(node))
    return f"{_LEFT}{text}{_RIGHT}" if node.style is None and _PLAIN.fullmatch(text) else text


def _scalar(dumper: Any, text: str) -> Any:
    plain = text.startswith(_LEFT) and text.endswith(_RIGHT)
    style = '"' if not plain and "${" in text else None
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text[1:-1] if plain else _MARKED.sub(r"\1", text), style=style
    )


def _tagged(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    """A value with a tag of CloudFormation's, as an object that JSON can hold."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {f"{TAG}!{suffix}": value}


def _mapping(dumper: Any, value: dict[str, Any]) -> Any:
    ((name, inner), *more) = value.items() if value else (("", None),)
    if more or not name.startswith(TAG):
        return dumper.represent_dict(value)
    node = dumper.represent_data(inner)
    node.tag = name.removeprefix(TAG)
    return node


Loader.add_constructor("tag:yaml.org,2002:str", _text)
Loader.add_multi_constructor("!", _tagged)
_Dumper.add_representer(str, _scalar)
_Dumper.add_representer(dict, _mapping)


def read(text: str, name: str) -> Definition:
    """The definition in a file's text, JSON or YAML. Raises Refused."""
    try:
        definition = _yaml(text) if is_yaml(name) else loads(text)
    except (ValueError, RecursionError, yaml.YAMLError) as wrong:
        reason = " ".join(str(wrong).split())
        raise Refused(f"{name} can't be read: {reason}. Correct it there.") from wrong
    if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict):
        raise Refused(
            f'{name} is not a definition: it has no "States". Name the file that has them.'
        )
    return definition


def quoted(definition: Definition) -> Definition:
    """The definition with every placeholder in quotes, as a stack's own template has them."""
    result: Definition = rewrite(definition, lambda text: _BOUNDS.sub("", text))
    return result


def is_yaml(name: str) -> bool:
    """Whether a file of that name holds YAML."""
    return name.endswith((".yml", ".yaml"))


def loads(text: str) -> Any:
    """A JSON value whose `${Name}` may stand without quotes. Raises ValueError."""
    marked = _BARE.sub(_mark, text)
    return json.loads(marked, parse_constant=_no_constant)


def _mark(match: re.Match[str]) -> str:
    bare = match[0].startswith("$")
    return json.dumps(f"{_LEFT}{match[0]}{_RIGHT}", ensure_ascii=False) if bare else match[0]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _yaml(text: str) -> Any:
    # Loader is a SafeLoader: it makes nothing but plain values
    return json.loads(json.dumps(yaml.load(text, Loader)))


def compact(value: Any) -> str:
    """The JSON value on one line without spaces, placeholders as they stood."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _MARKED.sub(r"\1", text)


def write(definition: Definition, name: str = "") -> str:
    """The text of a file of that name: YAML, or JSON with what is short on one line."""
    if is_yaml(name):
        return dumped(definition)
    return _MARKED.sub(r"\1", "".join(_written(definition, 0, ""))) + "\n"


def difference(before: str, after: str, one: str, other: str) -> str:
    """Two texts compared, as `diff -u` shows it."""
    lines = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    return "".join(difflib.unified_diff(*lines, one, other))


def dumped(value: Any, flow: bool = False) -> str:
    """A value as YAML: in blocks, or on one line."""
    options: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 10_000_000}
    return str(yaml.dump(value, Dumper=_Dumper, default_flow_style=flow, **options))


def _written(value: Any, depth: int, before: str) -> list[str]:
    line = _line(value)
    if not value or not isinstance(value, (dict, list)) or _is_short(value, line, depth, before):
        return [line]
    inner, outer = "  " * (depth + 1), "  " * depth
    entries: list[tuple[str, Any]]
    if isinstance(value, dict):
        entries = [(_line(name) + ": ", each) for name, each in value.items()]
    else:
        entries = [("", each) for each in value]
    rows = ["".join([inner, name, *_written(each, depth + 1, name)]) for name, each in entries]
    left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return [left, "\n", ",\n".join(rows), "\n", outer, right]


def _is_short(value: Any, line: str, depth: int, before: str) -> bool:
    if isinstance(value, list):
        return not any(isinstance(each, (dict, list)) for each in value)
    if "ErrorEquals" in value:
        return "{%" not in line
    return len("  " * depth + before + line) <= WIDTH and not before.endswith('States": ')


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
