"""The fixed sets of words: texts as they are stored, without an order."""

import json
import operator
from collections.abc import Callable

import pytest

from chalicelib.job.claim import State


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("other", [State.LINE, "line", 1])
def test_words_are_not_compared_by_their_order(
    compare: Callable[[object, object], bool], other: object
) -> None:
    with pytest.raises(TypeError, match="have no order"):
        compare(State.PARKED, other)


def test_a_word_is_the_text_that_is_stored() -> None:
    assert State("parked") is State.PARKED
    assert json.dumps({State.PARKED: State.LINE}) == '{"parked": "line"}'
    assert f"{State.GIVEN_UP}" == "given-up"
