"""Where the ramp's state is kept: one item a task in the claims table, `ramp#<task>`.

Each write says which version it follows, so of two ticks at once only one can write.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.calling import calling
from chalicelib.errors import Refused
from chalicelib.job.ramp_state import State, decode, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RAMP = "ramp#"


class DynamoRamps:
    """The states on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def get(self, task: str) -> State:
        """The task's state, read consistently; a new one where there is none."""
        with calling("GetItem", RAMP + task):
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": RAMP + task}}, ConsistentRead=True
            )
        return read_state(answer["Item"]) if "Item" in answer else State(task)

    def put(self, state: State) -> State | None:
        """Write it over the version that it came from; None where that is not there any more.

        A write of ours whose answer was lost is found again by its version and writer.
        """
        new = replace(state, version=state.version + 1)
        try:
            with calling("UpdateItem", RAMP + state.task):
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": RAMP + state.task}},
                    UpdateExpression="SET #state = :state, version = :new",
                    ConditionExpression="version = :old OR attribute_not_exists(pk)"
                    if not state.version
                    else "version = :old",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={
                        ":state": {"S": encode(new)},
                        ":new": {"N": str(new.version)},
                        ":old": {"N": str(state.version)},
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except Refused as refused:
            there = read_state(refused.item) if refused.item else None
            return new if there == new else None
        return new


def read_state(item: dict[str, Any]) -> State:
    """A task's state from its item."""
    return replace(decode(item["state"]["S"]), version=int(item["version"]["N"]))
