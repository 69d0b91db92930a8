"""Fixed sets of words, such as the states of a job."""

from enum import StrEnum
from typing import NoReturn


class Word(StrEnum):
    """One word of such a set: a text that has no order, so that `<` raises a TypeError."""

    def __lt__(self, other: object) -> NoReturn:
        raise TypeError(f"{self!r} and {other!r} have no order: compare words by `is`.")

    __le__ = __gt__ = __ge__ = __lt__
