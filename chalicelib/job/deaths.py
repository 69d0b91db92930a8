"""How one end of one execution is named: a redriven execution may die again. Pure."""


def death(execution: str, redrives: int = 0) -> str:
    """The name of an execution's end after that many redrives."""
    return f"{execution}#{redrives}"
