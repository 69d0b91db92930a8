"""The page's files: readable colours, small, and nothing that a strict policy would refuse."""

import gzip
import re
from itertools import product

import pytest

from chalicelib.api.page_files import FOLDER, SCRIPT, file, names
from chalicelib.api.page_script import join

STYLE = file("style.css").text
LIGHT, DARK = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
TEXTS = ("ink", "soft", "accent", "amber", "green", "red", "blue")
GROUNDS = ("paper", "card")
OWN = [("amber", "amber-soft"), ("green", "green-soft"), ("red", "red-soft"), ("blue", "blue-soft")]
MORE = [
    ("on-accent", "accent"),
    ("on-accent", "accent-deep"),
    ("card", "red"),
    ("ink", "amber-soft"),
]
SOFT = [("soft", f"{colour}-soft") for colour in ("amber", "green", "red", "blue")]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), [*product(TEXTS, GROUNDS), *OWN, *MORE, *SOFT])
def test_text_stands_out_from_its_ground(scheme: str, text: str, ground: str) -> None:
    palette = colours(LIGHT) | colours(scheme)

    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_edge_of_a_control_stands_out(scheme: str, ground: str) -> None:
    palette = colours(LIGHT) | colours(scheme)

    assert contrast(palette["strong-line"], palette[ground]) >= 3


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    page = file("index.html").text

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?:", page)
    assert "@import" not in STYLE
    assert "url(" not in STYLE


def test_no_script_turns_text_into_markup_or_code() -> None:
    dangerous = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|DOMParser"
    )
    assert not re.search(dangerous, file(SCRIPT).text)


def test_a_first_visit_asks_for_four_files_and_all_are_small() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]

    assert names() == {"index.html", "app.js", "style.css", "icon.svg"}
    assert {path.suffix for path in files} == {".html", ".js", ".css", ".svg"}
    assert sum(len(gzip.compress(file(name).text.encode())) for name in names()) < 45_000


def test_the_page_names_each_file_by_its_content() -> None:
    linked = dict(re.findall(r'"console/([\w.]+)\?v=([0-9a-f]{16})"', file("index.html").text))

    assert linked == {name: file(name).version for name in names() - {"index.html"}}


def test_modules_are_joined_in_the_order_of_their_imports() -> None:
    modules = {
        "app.js": 'import { a, b as c } from "./one.js";\nimport two from "./two.js";\n'
        "run(a, c, two);\n",
        "one.js": 'import * as all from "./two.js";\nexport const a = all.x;\n'
        "export function b() {}\n",
        "two.js": "export const x = 1;\nexport default { y: 2 };\n",
    }

    script = join(modules, "app.js")

    assert script.splitlines() == [
        "const _two_js = (() => {",
        "const x = 1;",
        "const _default = { y: 2 };",
        "return { x, default: _default };",
        "})();",
        "const _one_js = (() => {",
        "const all = _two_js;",
        "const a = all.x;",
        "function b() {}",
        "return { a, b };",
        "})();",
        "const _app_js = (() => {",
        "const { a, b: c } = _one_js;",
        "const two = _two_js.default;",
        "run(a, c, two);",
        "return {  };",
        "})();",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('import { a } from "./app.js";\n', "modules import each other: app.js > app.js"),
        ('import "./one.js";\n', "not understood: import"),
        ("export let a = 1;\n", "not understood: export let"),
    ],
)
def test_a_module_that_can_not_be_joined_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        join({"app.js": text}, "app.js")


def test_comments_are_for_readers_of_the_source_alone() -> None:
    text = (
        '// one\n/** two\n * lines. */\nconst url = "a//b"; // three\n  // four\n\n'
        "const c = [ // five\n"
        '"[ // text", ";"]; // a "quote"\n'
    )

    assert join({"app.js": text}, "app.js").splitlines()[1:-2] == [
        'const url = "a//b";',
        "const c = [",
        '"[ // text", ";"]; // a "quote"',
    ]
