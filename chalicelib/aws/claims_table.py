"""The claims table on DynamoDB: `job#<key>`, `slots#<task>` and `dead#<execution>#<redrives>`."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.aws.calling import calling
from chalicelib.errors import Refused
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.record import Failure

JOB, SLOTS, DEAD = "job#", "slots#", "dead#"


class DynamoClaims:
    """The table on DynamoDB."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: str) -> Claim | None:
        """The claim on a key, read consistently."""
        with calling("GetItem", JOB + key):
            answer = self._client.get_item(
                TableName=self._table, Key=_pk(JOB + key), ConsistentRead=True
            )
        return read_claim(answer["Item"]) if "Item" in answer else None

    def claims(self) -> Iterator[Claim]:
        """All claims, in no order; reads the whole table, 1 MiB a call."""
        return map(read_claim, self._scan(JOB))

    def slots(self) -> Iterator[Slots]:
        """All tasks that were ever entered, or limited."""
        return map(read_slots, self._scan(SLOTS))

    def _scan(self, prefix: str) -> Iterator[dict[str, Any]]:
        page: dict[str, Any] = {}
        while True:
            with calling("Scan", self._table):
                answer = self._client.scan(
                    TableName=self._table,
                    FilterExpression="begins_with(pk, :prefix)",
                    ExpressionAttributeValues={":prefix": {"S": prefix}},
                    ConsistentRead=True,
                    **page,
                )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            page = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def hand_over(self, key: str, owner: str, successor: str) -> bool:
        """Let the successor own what the owner owned, or nobody; False where somebody else does."""
        values = {":owner": {"S": owner}, ":successor": {"S": successor}}
        return self._update(
            JOB + key,
            "SET execution = :successor, predecessor = :owner",
            "execution IN (:owner, :successor)",
            values,
            absent_will_do=True,
        )

    def mark_spooled(self, claim: Claim) -> bool:
        """Write a dead owner's claim whole; False where somebody else owns the key."""
        return self._update(
            JOB + claim.key,
            "SET execution = :owner, predecessor = :predecessor,"
            " claimedAt = if_not_exists(claimedAt, :claimed), parkedAt = :parked,"
            " spooledAt = :spooled, firstFailedAt = :first,"
            " task = :task, attempt = :attempt, failure = :failure",
            "attribute_not_exists(pk) OR execution = :owner",
            {
                ":owner": {"S": claim.execution},
                ":predecessor": {"S": claim.predecessor},
                ":claimed": {"S": claim.claimed_at},
                ":parked": {"S": claim.parked_at},
                ":spooled": {"S": claim.spooled_at},
                ":first": {"S": claim.first_failed_at},
                ":task": {"S": claim.task},
                ":attempt": {"N": str(claim.attempt)},
                ":failure": {
                    "M": {
                        "name": {"S": claim.failure.name[:256]},
                        "message": {"S": claim.failure.message[:1000]},
                    }
                },
            },
        )

    def mark_renewed(self, claim: Claim, at: str) -> None:
        """Say that its message was sent anew, where the claim stands as it did."""
        self._update(
            JOB + claim.key,
            "SET spooledAt = :at",
            "execution = :owner AND parkedAt = :parked",
            {
                ":owner": {"S": claim.execution},
                ":parked": {"S": claim.parked_at},
                ":at": {"S": at},
            },
        )

    def mark_redriven(self, key: str, execution: str) -> bool:
        """Say that a dead owner is about to live again; False where it owns the key no more."""
        owner = {":owner": {"S": execution}}
        return self._update(JOB + key, "REMOVE stuckAt, spooledAt", "execution = :owner", owner)

    def mark_resumed(self, key: str, execution: str, parked_at: str, at: str) -> bool:
        """Say that it goes on, where it was parked then and not again since."""
        return self._update(
            JOB + key,
            "SET resumedAt = :at REMOVE parkedAt",
            "execution = :owner AND parkedAt = :parked",
            {
                ":owner": {"S": execution},
                ":parked": {"S": parked_at},
                ":at": {"S": at},
            },
        )

    def mark_stuck(self, key: str, execution: str, at: str) -> None:
        """Say in the claim that the job is stuck, where that execution still owns it."""
        values = {":owner": {"S": execution}, ":at": {"S": at}}
        self._update(JOB + key, "SET stuckAt = :at", "execution = :owner", values)

    def release(self, key: str, execution: str) -> bool:
        """Give the key back, where that execution owns it."""
        try:
            with calling("DeleteItem", JOB + key):
                self._client.delete_item(
                    TableName=self._table,
                    Key=_pk(JOB + key),
                    ConditionExpression="execution = :owner",
                    ExpressionAttributeValues={":owner": {"S": execution}},
                )
        except Refused:
            return False
        return True

    def take_slot(self, task: str, execution: str, default_limit: int) -> bool:
        """Let the execution into the task, as TakeSlot does; False where it is full or held."""
        return self._update(
            SLOTS + task,
            "ADD holders :mine",
            "contains(holders, :me) OR (attribute_not_exists(#limit) AND :default > :zero"
            " AND (attribute_not_exists(holders) OR size(holders) < :default))"
            " OR (attribute_exists(#limit) AND #limit > :zero"
            " AND (attribute_not_exists(holders) OR size(holders) < #limit))",
            {
                ":me": {"S": execution},
                ":mine": {"SS": [execution]},
                ":default": {"N": str(default_limit)},
                ":zero": {"N": "0"},
            },
            {"#limit": "limit"},
        )

    def free_slot(self, task: str, execution: str) -> None:
        """Take the execution out of the task; freeing twice changes nothing."""
        mine = {":mine": {"SS": [execution]}}
        self._update(SLOTS + task, "DELETE holders :mine", "", mine)

    def set_limit(self, task: str, limit: int | None) -> None:
        """Limit a task (0 holds it); None goes back to the stage's setting."""
        names = {"#limit": "limit"}
        if limit is None:
            self._update(SLOTS + task, "REMOVE #limit", "", {}, names)
        else:
            self._update(
                SLOTS + task, "SET #limit = :limit", "", {":limit": {"N": str(limit)}}, names
            )

    def tombstones(self, deaths: Sequence[str]) -> dict[str, str]:
        """Which of these deaths were dealt with, and how; a hundred a call."""
        found: dict[str, str] = {}
        for start in range(0, len(deaths), 100):
            asked: Any = {self._table: {"Keys": [_pk(DEAD + d) for d in deaths[start:][:100]]}}
            while asked:
                with calling("BatchGetItem", self._table):
                    answer = self._client.batch_get_item(RequestItems=asked)
                for item in answer["Responses"].get(self._table, []):
                    found[item["pk"]["S"].removeprefix(DEAD)] = item["how"]["S"]
                asked = answer.get("UnprocessedKeys")
        return found

    def put_tombstone(self, death: str, how: str, expires: int) -> None:
        """Remember until then (seconds since 1970) that this death was dealt with."""
        values = {":how": {"S": how}, ":expires": {"N": str(expires)}}
        self._update(DEAD + death, "SET how = :how, expiresAt = :expires", "", values)

    def _update(
        self,
        pk: str,
        change: str,
        condition: str,
        values: dict[str, Any],
        names: dict[str, str] | None = None,
        absent_will_do: bool = False,
    ) -> bool:
        optional: dict[str, Any] = {}
        if condition:
            optional["ConditionExpression"] = condition
            optional["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if values:
            optional["ExpressionAttributeValues"] = values
        if names:
            optional["ExpressionAttributeNames"] = names
        try:
            with calling("UpdateItem", pk):
                self._client.update_item(
                    TableName=self._table, Key=_pk(pk), UpdateExpression=change, **optional
                )
        except Refused as refused:
            return absent_will_do and not refused.item
        return True


def _pk(pk: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": pk}}


def _string(item: dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def read_claim(item: dict[str, Any]) -> Claim:
    """A claim as the table holds it."""
    failure = item.get("failure", {}).get("M", {})
    return Claim(
        key=item["pk"]["S"].removeprefix(JOB),
        execution=_string(item, "execution"),
        predecessor=_string(item, "predecessor"),
        claimed_at=_string(item, "claimedAt"),
        parked_at=_string(item, "parkedAt"),
        resumed_at=_string(item, "resumedAt"),
        spooled_at=_string(item, "spooledAt"),
        stuck_at=_string(item, "stuckAt"),
        first_failed_at=_string(item, "firstFailedAt"),
        task=_string(item, "task"),
        attempt=int(item.get("attempt", {}).get("N", 0)),
        failure=Failure(_string(failure, "name"), _string(failure, "message")),
    )


def read_slots(item: dict[str, Any]) -> Slots:
    """A task's slots as the table holds them."""
    limit = item.get("limit", {}).get("N")
    return Slots(
        task=item["pk"]["S"].removeprefix(SLOTS),
        holders=frozenset(item.get("holders", {}).get("SS", [])),
        limit=None if limit is None else int(limit),
    )
