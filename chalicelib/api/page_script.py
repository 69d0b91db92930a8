"""Joins the page's modules into one script, so that a browser asks once for all of them.

It reads the imports and exports as the page's own files write them, and nothing cleverer.
"""

import re
from collections.abc import Mapping

_IMPORT = re.compile(
    r'^import (?:\* as (\w+)|(\w+)|\{([^}]*)\}) from "\./([\w.-]+)";\n', re.MULTILINE
)
_EXPORT = re.compile(
    r"^export (?:(async function|function|class|const) (\w+)|(default) )", re.MULTILINE
)
_COMMENT = re.compile(r"^ *(?://[^\n]*|/\*\*(?:[^*]|\*(?!/))*\*/)\n", re.MULTILINE)
"""A comment that has its lines for itself: readers of the source have it, browsers need it not."""
_REMARK = re.compile(r"(?<=[,;{(\[]) +// [^\n\"'`]*$", re.MULTILINE)
"""A comment behind code; no text ends there, as no quote follows."""
_INDENT = re.compile(r"^\s+", re.MULTILINE)
"""Indents and empty lines are left out; no text of the page goes over several lines."""


def join(modules: Mapping[str, str], first: str) -> str:
    """The script that does what the module `first` does. Raises ValueError for what it can't read.

    Each module becomes a function that is called once, those that it imports before it.
    """
    order: list[str] = []
    _visit(modules, first, order, ())
    return "\n".join(f"const {_name(each)} = {_wrapped(modules[each])};" for each in order)


def _visit(modules: Mapping[str, str], name: str, order: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"modules import each other: {' > '.join((*above, name))}")
    if name in order:
        return
    for match in _IMPORT.finditer(modules[name]):
        _visit(modules, match[4], order, (*above, name))
    order.append(name)


def _wrapped(text: str) -> str:
    exported: list[str] = []

    def without_export(match: "re.Match[str]") -> str:
        exported.append("default: _default" if match[3] else match[2])
        return "const _default = " if match[3] else f"{match[1]} {match[2]}"

    plain = _INDENT.sub("", _REMARK.sub("", _COMMENT.sub("", text)))
    body = _EXPORT.sub(without_export, _IMPORT.sub(_as_constant, plain))
    if remains := re.search(r"^(?:import|export)\b.*", body, re.MULTILINE):
        raise ValueError(f"this line is not understood: {remains[0]}")
    return f"(() => {{\n{body}return {{ {', '.join(exported)} }};\n}})()"


def _as_constant(match: "re.Match[str]") -> str:
    """An import as a constant of the wrapping function."""
    module = _name(match[4])
    if match[1]:
        return f"const {match[1]} = {module};\n"
    if match[2]:
        return f"const {match[2]} = {module}.default;\n"
    return f"const {{{match[3].replace(' as ', ': ')}}} = {module};\n"


def _name(module: str) -> str:
    return f"_{re.sub(r'[^a-z]', '_', module)}"
