"""Which tasks are chosen, as `--task` and the setting UNCERTAIN_TASKS name them."""

from collections.abc import Iterable

from respool.adopt.refusals import Refused


def chosen(texts: Iterable[str], option: str) -> dict[str, str]:
    """Each `STATE` or `STATE=NAME`: the state with the name of its slots, or none.

    Raises Refused, which calls them by the option.
    """
    names: dict[str, str] = {}
    for text in texts:
        state, separator, name = text.partition("=")
        if not state or state in names or (separator and not name):
            raise Refused(f"{option} {text[:80]!r} must be STATE or STATE=NAME, each state once.")
        names[state] = name
    return names
