"""What a state may hold in its query language: AWS refuses a machine with a field too many."""

from collections.abc import Iterator

from respool.deploy.definition import State, listed

JSON_PATH = (
    "InputPath",
    "OutputPath",
    "ResultPath",
    "Parameters",
    "ResultSelector",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "ErrorPath",
    "CausePath",
)
JSONATA = ("Arguments", "Output")
CATCHING = ("Task", "Parallel", "Map")
"""The types of states that may have Retry and Catch."""


def findings(name: str, state: State, language: str) -> Iterator[str]:
    """Fields that belong to the other language, or to another type of state."""
    other = JSON_PATH if language == "JSONata" else JSONATA
    for place, holder in parts(state):
        for field in sorted(set(other) & set(holder)):
            yield (
                f"state {name}: {place}{field} is not a field of a {language} state. Write it in"
                f' {language}, or give the state "QueryLanguage": "{_other(language)}".'
            )
    if state.get("Type") not in CATCHING:
        for field in ("Retry", "Catch"):
            if field in state:
                yield (
                    f"state {name}: a {state.get('Type')} state has no {field}. Take it out, or"
                    " do the work in a Task."
                )
    for n, rule in enumerate(listed(state, "Choices")):
        if ("Condition" in rule) != (language == "JSONata"):
            yield f"state {name}: Choices[{n}] is not a rule of a {language} state."


def parts(state: State) -> Iterator[tuple[str, State]]:
    """A state, its catchers and its rules, each with its place in it."""
    yield "", state
    for field in ("Catch", "Choices"):
        for n, one in enumerate(listed(state, field)):
            yield f"{field}[{n}].", one


def _other(language: str) -> str:
    return "JSONPath" if language == "JSONata" else "JSONata"
