"""A stage on paper: the real API's answers about jobs that nobody runs, for looks at the page."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, Route

from chalicelib.api import page_files
from chalicelib.api.http import SECURE
from chalicelib.api.jobs import group_jobs, list_jobs
from chalicelib.api.status import status
from chalicelib.cached import Cached
from chalicelib.job.claim import Claim, Slots
from chalicelib.job.overview import View, view
from chalicelib.job.record import Failure
from chalicelib.names import Names
from chalicelib.settings import Settings
from chalicelib.stage import Stage
from tests.e2e.browser import page
from tests.e2e.conftest import Quiet

ADDRESS = "https://page.example/api/"
NOW = datetime(2026, 11, 23, 0, 20, tzinfo=UTC)
"""Monday morning in Tokyo; the service went down on Friday night."""
NAMES = Names("respool-prod", "aws", "ap-northeast-1", "123456789012")
SETTINGS = {"REPLAY_SCHEDULE": "rate(1 hour)", "REPLAY_TIMEZONE": "Asia/Tokyo", "REPLAY_MAX": "10"}
MAINTENANCE = "503 Service Unavailable: closed for maintenance until Monday 06:00"


def moment(hours: float) -> str:
    """So many hours before now."""
    return (NOW - timedelta(hours=hours)).isoformat(timespec="milliseconds")


def job(key: str, hours: float, message: str = MAINTENANCE, **more: Any) -> Claim:
    """A job that has been waiting for so many hours."""
    when = moment(hours)
    made = Claim(
        key,
        NAMES.execution_arn(key),
        claimed_at=when,
        parked_at=when,
        first_failed_at=when,
        task="UncertainTask",
        attempt=1,
        failure=Failure("ConnectionError", message),
    )
    return replace(made, **more)


def runs(key: str, hours: float, **more: Any) -> Claim:
    """A job under way."""
    fields: dict[str, Any] = {"parked_at": "", "first_failed_at": "", "attempt": 0}
    return job(key, hours, **fields | {"failure": Failure()} | more)


@dataclass
class Paper:
    """What the page is shown, and what it has asked to be changed."""

    jobs: list[Claim] = field(default_factory=list)
    slots: list[Slots] = field(default_factory=lambda: [slots(3, 5)])
    kind: str = "full"
    gone: bool = False
    known: bool = True
    replay: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def read(self, after: datetime | None = None) -> View:
        """The jobs as they stand."""
        del after
        return view(self.jobs, self.slots, NOW)

    def forget(self) -> None:
        """There is nothing to forget."""

    def answer(self, route: Route) -> None:
        """Stand for the API and for the page's files."""
        address = urlsplit(route.request.url)
        path = address.path.removeprefix(urlsplit(ADDRESS).path)
        if self.gone:
            return route.abort()
        if path == "" or path.startswith("console/"):
            return _file(route, path.removeprefix("console/") or page_files.INDEX)
        if not self.known:
            return _tell(route, 403, {"Message": "User is not authorized"})
        given = json.loads(route.request.post_data or "{}")
        if route.request.method != "GET":
            self.asked.append((route.request.method, path, given))
            told = self.replay(given) if self.replay else {}
            return _tell(route, 200, told)
        return _tell(route, 200, self._told(path, parse_qs(address.query)))

    def _told(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if path == "jobs":
            return list_jobs(self, query)
        if path == "jobs/groups":
            return group_jobs(self, query)
        if query.get("since") == ["now"]:
            query = {"since": [NOW.isoformat()]}
        stage = Stage(NAMES, Settings.read(SETTINGS), telemetry=Quiet())
        stage.overview = self
        waiting = sum(bool(each.parked_at) for each in self.jobs)
        gauges = {"spooled": waiting, "stuck": 0, "trigger": "disabled"}
        stage.gauges = Cached(lambda: gauges, 60, lambda: 0)
        return {**status(stage, query), "caller": {"name": "aki", "kind": self.kind}}


def slots(inside: int, limit: int) -> Slots:
    """A task with so many inside, and room for so many."""
    return Slots("UncertainTask", frozenset(f"execution-{n}" for n in range(inside)), limit)


def _file(route: Route, name: str) -> None:
    found = page_files.file(name)
    secure = {name: str(value) for name, value in SECURE.items()}
    headers = secure | {"Content-Type": found.type, "Content-Security-Policy": page_files.POLICY}
    route.fulfill(status=200, body=found.text, headers=headers)


def _tell(route: Route, status_code: int, told: dict[str, Any]) -> None:
    route.fulfill(status=status_code, body=json.dumps(told), content_type="application/json")


@contextmanager
def paper_page(chrome: Browser, paper: Paper, **options: Any) -> Iterator[Page]:
    """The page in a tab in Tokyo on that Monday morning, looking at a stage on paper."""
    given = {"timezone_id": "Asia/Tokyo", "service_workers": "block", **options}
    with page(chrome, **given) as tab:
        tab.clock.set_fixed_time(NOW)
        tab.context.route("**/*", paper.answer)
        tab.goto(ADDRESS)
        yield tab
