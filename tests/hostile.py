"""What hostile tests share: how many cases, values that nobody asked for, and what may not leak."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

CANARY = "canary-4f1e"
"""Stands in payloads and tokens; wherever it turns up, one of those has leaked."""

Check = Callable[..., Any]


def tries(cases: int) -> Callable[[Check], Check]:
    """Run a property on so many cases: the same ones each time, unless there are very many."""
    quick = cases < 1000
    return settings(
        max_examples=cases,
        derandomize=quick,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate] + ([] if quick else [Phase.shrink]),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def cases(few: int, many: int) -> pytest.MarkDecorator:
    """The parameter `cases` of a test: few in `make test`, many in `make soak`."""
    return pytest.mark.parametrize("cases", [few, pytest.param(many, marks=pytest.mark.soak)])


anything = st.characters(exclude_categories=[])
"""Characters of every plane, with NUL, controls, non-characters and lone surrogates."""
texts = st.text(anything, max_size=40) | st.sampled_from(
    ["", "\0", "\ud800", "\udfff\ud800", "\ufffe\uffff", "\U0010ffff", "\u202e", "鍵", "x" * 5000]
)
numbers = (
    st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e308, 5e-324, 2**63, 10**400, -0.0])
)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int) -> str:
    """JSON text as deep as that."""
    return "[" * depth + "]" * depth


json_texts = (
    values.map(json.dumps)
    | st.integers(1, 3000).map(nested)
    | st.integers(1, 3000).map(lambda n: '{"a":' * n + "1" + "}" * n)
    | st.sampled_from(["1e999", "-1e999", "NaN", "9" * 5000, '{"a":1,"a":2}', "", " ", "\ufeff{}"])
    | st.text(anything, max_size=60)
)
"""Text that is JSON, or nearly."""
