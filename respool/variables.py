"""Variables of a deployed function: those that are given change, all others stay."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def of(functions: "LambdaClient", name: str) -> dict[str, str]:
    """A function's variables; `functions` is a client of Lambda. Raises NotFound."""
    return _variables(_look(functions, name))


def change(functions: "LambdaClient", name: str, changes: Mapping[str, str]) -> None:
    """Change some of a function's variables, and wait until that holds. Raises NotFound.

    Where somebody else has changed the function since it was looked at, AWS refuses: AwsError.
    """
    settled = functions.get_waiter("function_updated")
    with calling("GetFunctionConfiguration", name):
        settled.wait(FunctionName=name)  # a change under way has a revision of its own at its end
    configuration = _look(functions, name)
    values = {**_variables(configuration), **changes}
    try:
        with calling("UpdateFunctionConfiguration", name):
            functions.update_function_configuration(
                FunctionName=name,
                Environment={"Variables": values},
                RevisionId=configuration["RevisionId"],
            )
    except AwsError:
        # The answer may have got lost, and the SDK have tried again what was done already.
        if of(functions, name) != values:
            raise
    with calling("GetFunctionConfiguration", name):
        settled.wait(FunctionName=name)


def _look(functions: "LambdaClient", name: str) -> Mapping[str, Any]:
    with calling("GetFunctionConfiguration", name):
        return functions.get_function_configuration(FunctionName=name)


def _variables(configuration: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, str] = configuration.get("Environment", {}).get("Variables", {})
    return values
