"""Where incidents are kept: `incident#<task>` is the task's latest, `incidents#<id>` an older one.

The index lists both in one partition by their ids, which begin with the time. Each write of the
latest says which version it follows, so of two who look at once only one can write.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.aws.items import Item, values
from chalicelib.aws.table import Table, Update
from chalicelib.errors import Refused
from chalicelib.job.incident import Incident, decode, encode
from chalicelib.moments import read

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LATEST, OLDER, LISTED = "incident#", "incidents#", "incidents"
PAGE = "stage#page"
KEPT = timedelta(days=90)
"""How long an incident is kept after it was over."""
MOST = 1000
"""Incidents that one look lists; ninety days seldom have as many."""


class DynamoIncidents:
    """Incidents on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str, **timing: Any) -> None:
        self._table = Table(client, table, **timing)

    def current(self, tasks: Sequence[str]) -> dict[str, Incident]:
        """Each task's latest incident, read consistently; none where there never was one."""
        items = self._table.get_batch([LATEST + task for task in tasks]) if tasks else ()
        return {incident.task: incident for incident in map(_read, items)}

    def put(self, incident: Incident, over: Incident | None) -> Incident | None:
        """Write it over the one that it follows; None where that is not there any more.

        One that is over and makes room for a new one is kept beside it first: a crash in between
        leaves it listed twice, and listing folds it by its id. A write whose answer was lost counts
        as another's: what it owes people is due again soon.
        """
        if over is not None and over.id != incident.id:
            self._table.changed(_update(OLDER + over.id, over))
        old = over.version if over else 0
        new = replace(incident, version=old + 1)
        update = _update(LATEST + incident.task, new)
        condition = "version = :old" if old else "attribute_not_exists(pk)"
        placeholders = {**update.values, **(values(old=old) if old else {})}
        try:
            self._table.changed(replace(update, condition=condition, values=placeholders))
        except Refused:
            return None
        return new

    def list(self, most: int, before: str = "") -> list[Incident]:
        """The latest ones, the newest first, of those whose ids are below `before`."""
        index = [
            (str(item["order"]["S"]), str(item["pk"]["S"]))
            for item in islice(self._table.query(LISTED), MOST)
        ]
        entries = sorted({one for one in index if not before or one[0] < before}, reverse=True)
        incidents: dict[str, Incident] = {}
        names = [name for _, name in entries][: 2 * most]
        for incident in map(_read, self._table.get_batch(names) if names else ()):
            incidents[incident.id] = incident
        return sorted(incidents.values(), key=lambda each: each.id, reverse=True)[:most]

    def find(self, id: str) -> Incident | None:
        """The incident of that id, or None."""
        for item in self._table.query(LISTED, after=id[:-1], limit=4):
            if item["order"]["S"] == id and (there := self._table.get(str(item["pk"]["S"]))):
                incident = _read(there)
                if incident.id == id:
                    return incident
            if not str(item["order"]["S"]).startswith(id[:-1]):
                return None
        return None

    def page(self) -> str:
        """The address of the stage's page, as the last deploy noted it; empty where none has."""
        item = self._table.get(PAGE)
        return str(item["url"]["S"]) if item and "url" in item else ""

    def note_page(self, url: str) -> None:
        """Note the page's address."""
        self._table.changed(Update(PAGE, "SET #url = :url", "", values(url=url), _URL))


_URL = {"#url": "url"}


def _update(pk: str, incident: Incident) -> Update:
    change = "SET content = :content, version = :version, queue = :queue, #order = :order"
    placeholders = values(
        content=encode(incident), version=incident.version, queue=LISTED, order=incident.id
    )
    over = read(incident.over_at)
    if over is None:
        return Update(pk, f"{change} REMOVE expiresAt", "", placeholders)
    expires = values(expires=int((over + KEPT).timestamp()))
    return Update(pk, f"{change}, expiresAt = :expires", "", placeholders | expires)


def _read(item: Item) -> Incident:
    return replace(decode(item["content"]["S"]), version=int(item["version"]["N"]))
