"""The emulator's JSONata does what AWS's does where the product leans on it."""

import pytest
from ministack.services import stepfunctions

from respool.local.patches.expressions import strings_keep_their_characters


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "\u3042", "b": [1, 1.5, None, True]}, '{"a":"\u3042","b":[1,1.5,null,true]}'),
        (["\U0001f600"], '["\U0001f600"]'),
        (["\x01\n"], '["\\u0001\\n"]'),
        (["\ud800"], '["\\ud800"]'),
        ("\u3042", "\u3042"),
    ],
)
def test_a_value_as_text_has_the_characters_that_json_need_not_escape(
    value: object, text: str
) -> None:
    strings_keep_their_characters()
    context = {"QueryLanguage": "JSONata", "Execution": {"Input": value}, "variables": {}}
    expression = "{% $string($states.context.Execution.Input) %}"

    assert stepfunctions._apply_jsonata_template(expression, {}, context) == text
