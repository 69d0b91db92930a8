"""Variables of a deployed function: those that are given change, all others stay."""

from collections.abc import Mapping
from typing import Any

from chalicelib.aws.calling import calling
from chalicelib.errors import AwsError


def of(functions: Any, name: str) -> dict[str, str]:
    """A function's variables; `functions` is a client of Lambda. Raises NotFound."""
    return _variables(_look(functions, name))


def change(functions: Any, name: str, changes: Mapping[str, str]) -> None:
    """Change some of a function's variables, and wait until that holds. Raises NotFound.

    Where somebody else has changed the function since it was looked at, AWS refuses: AwsError.
    """
    settled = functions.get_waiter("function_updated")
    with calling("GetFunctionConfiguration", name):
        settled.wait(FunctionName=name)  # a change under way has a revision of its own at its end
    found = _look(functions, name)
    wanted = {**_variables(found), **changes}
    try:
        with calling("UpdateFunctionConfiguration", name):
            functions.update_function_configuration(
                FunctionName=name,
                Environment={"Variables": wanted},
                RevisionId=found["RevisionId"],
            )
    except AwsError:
        # The answer may have got lost, and the SDK have tried again what was done already.
        if of(functions, name) != wanted:
            raise
    with calling("GetFunctionConfiguration", name):
        settled.wait(FunctionName=name)


def _look(functions: Any, name: str) -> dict[str, Any]:
    with calling("GetFunctionConfiguration", name):
        found: dict[str, Any] = functions.get_function_configuration(FunctionName=name)
    return found


def _variables(found: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, str] = found.get("Environment", {}).get("Variables", {})
    return values
