"""A page's commands are read as they stand there, with what is shown of their output."""

import pytest

from respool.local.walk import Command, steps

PAGE = """# Page

## Before

### Not this

```console
$ rm -rf /
```

## The walk

Words.

### One [step](there.md)

It has [words](adopt.md) and a setting.

```json
{"A": "b"}
```

```console
$ respool jobs
key   state
a/... parked
...
$ respool replay \\
    --max 2
```

## After
"""


def test_only_the_section_is_read_step_by_step() -> None:
    (step,) = steps(PAGE, "The walk")

    assert step.words == "It has words and a setting."
    assert step.settings == '{"A": "b"}\n'
    assert [each.line for each in step.commands] == ["respool jobs", "respool replay --max 2"]
    assert step.commands[0].shown == ("key   state", "a/... parked")
    assert [each.looks for each in step.commands] == [True, False]


@pytest.mark.parametrize(
    ("output", "lacking"),
    [
        ("key  state\na/b/c  parked\n1 job", []),
        ("key state\n1 job", ["a/... parked"]),
        ("a/b parked\nkey state", ["a/... parked"]),
        ("", ["key   state", "a/... parked"]),
        ("key state\na/b parked, not", ["a/... parked"]),
    ],
)
def test_what_the_page_shows_is_looked_for_in_its_order(output: str, lacking: list[str]) -> None:
    assert Command("respool jobs", ("key   state", "a/... parked")).lacks(output) == lacking
