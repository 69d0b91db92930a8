"""Step Functions: JSONata."""

import re
from typing import Any

from jsonata.functions import Functions


def strings_keep_their_characters() -> None:
    """AWS, as JSONata has it: `$string` escapes what JSON must, half characters, and no more."""

    class Plain(Functions.Encoder):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "ensure_ascii": False})

        def encode(self, arg: Any) -> str:
            return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", super().encode(arg))

    if Functions.Encoder.__name__ != Plain.__name__:
        Functions.Encoder = Plain


_HALVES = re.compile("[\ud800-\udfff]")
