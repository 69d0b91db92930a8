"""Which catchers of the team's stay with their task, and which run when the job is given up."""

from respool.deploy.definition import State, listed

ALL = "States.ALL"
FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"


def split(task: State) -> tuple[list[State], list[State]]:
    """The narrow catchers, and the broad ones with all that stand behind them.

    States.TaskFailed takes everything but a time-out, so that alone is still caught behind it.
    """
    narrow: list[State] = []
    broad: list[State] = []
    for catcher in listed(task, "Catch"):
        errors = catcher.get("ErrorEquals", [])
        if broad and TIMEOUT in errors:
            narrow.append({**catcher, "ErrorEquals": [TIMEOUT]})
        elif broad or ALL in errors or FAILED in errors:
            broad.append(catcher)
        else:
            narrow.append(catcher)
    return narrow, broad


def takes_all(catchers: list[State]) -> bool:
    """Whether no error passes these catchers."""
    return any(ALL in catcher.get("ErrorEquals", []) for catcher in catchers)
