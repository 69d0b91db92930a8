"""A stage on paper: the real API and engines over a table in memory, for looks at the page."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, Route

from chalicelib.api import actions, gates, page_files, paths
from chalicelib.api.groups import group_jobs
from chalicelib.api.http import SECURE, status_of
from chalicelib.api.incidents import list_incidents, show_incident
from chalicelib.api.jobs import list_jobs
from chalicelib.api.one_job import show_job
from chalicelib.api.replays import list_replays, show_replay, stop_replay
from chalicelib.api.stage import Stage
from chalicelib.api.status import status
from chalicelib.api.triggers import set_trigger
from chalicelib.aws.items import value
from chalicelib.errors import RespoolError
from chalicelib.job.claim import State
from chalicelib.moments import iso
from tests.e2e.browser import page
from tests.fakes.clock import START
from tests.fakes.service import TASK
from tests.fakes.spool import Delivery
from tests.fakes.stage import FakeStage

ADDRESS = "https://page.example/api/"
NOW = datetime(2026, 11, 30, 0, 20, tzinfo=UTC)
"""Monday morning in Tokyo; the service went down on Friday night."""
SETTINGS = {"REPLAY_SCHEDULE": "rate(1 hour)", "REPLAY_TIMEZONE": "Asia/Tokyo", "REPLAY_MAX": "10"}
MAINTENANCE = "503 Service Unavailable: closed for maintenance until Monday 06:00"
WHO = "aki"

Given = dict[str, Any]
Answer = tuple[int, Mapping[str, Any]]


class Lost(Exception):
    """The answer never comes, whatever was done."""


def moment(hours: float) -> str:
    """So many hours before now."""
    return iso(NOW - timedelta(hours=hours))


def job(
    key: str,
    hours: float,
    message: str = MAINTENANCE,
    error: str = "ConnectionError",
    state: State = State.PARKED,
    task: str = TASK,
    attempt: int = 1,
    **more: str | int,
) -> Given:
    """The item of a job that began so many hours ago, and stands like this since."""
    when = moment(hours)
    waits = {} if state is State.RUNNING else {"queue": f"{state}#{task}", "token": "t" * 100}
    failed = {"failedAt": when, "firstFailedAt": when, "error": error}
    cause = json.dumps({"errorType": error, "errorMessage": message})
    plain: dict[str, str | int] = {
        "pk": f"job#{key}",
        "execution": f"arn:aws:states:ap-northeast-1:123456789012:execution:respool-prod:{key}",
        "state": state.value,
        "task": task,
        "order": f"{when}#{key[:200]}",
        "since": when,
        "claimedAt": when,
        "attempt": attempt,
        **waits,
        **(failed | {"cause": cause} if attempt else {}),
    }
    return {name: value(given) for name, given in {**plain, **more}.items()}


def runs(key: str, hours: float) -> Given:
    """A job in the task; it needs a slot, too."""
    return job(key, hours, state=State.RUNNING, attempt=0)


def ended(key: str, hours: float, how: State, **more: Any) -> Given:
    """A job that has ended."""
    item = job(key, hours, state=State.RUNNING, **more)
    return item | {"endedAt": value(moment(hours / 2)), "how": value(how.value)}


def slots(
    inside: Mapping[str, str] | None = None, limit: int = 5, task: str = TASK, **more: Any
) -> Given:
    """A task with these jobs inside (execution by the claim's own key), and room for so many."""
    plain: dict[str, Any] = {
        "pk": f"slots#{task}",
        "owners": inside or {},
        "waking": {},
        "passes": {},
        "failed": {},
        "waiting": 0,
        "limit": limit,
        "closeAfter": 1_000_000,
        "queue": "tasks",
        "order": task,
    }
    return {name: value(given) for name, given in {**plain, **more}.items()}


@dataclass
class Paper:
    """What the page is shown, and what it has asked to be changed.

    `instead` answers a change in place of the engines, or says that they shall: None. `then` is
    what happens in the world when a replay has put jobs back.
    """

    prefix: str = "respool-prod"
    kind: str = "full"
    gone: bool = False
    known: bool = True
    memory: FakeStage = field(
        default_factory=lambda: FakeStage(0, Delivery.ONCE, 5, None, **SETTINGS)
    )
    instead: Callable[[str, str, Given], Answer | None] = lambda _method, _path, _given: None
    then: Callable[[], None] = lambda: None
    asked: list[tuple[str, str, Given]] = field(default_factory=list)
    press: actions.Press = field(default_factory=lambda: actions.Press(WHO, {}))

    def __post_init__(self) -> None:
        self.memory.clock.pause((NOW - START).total_seconds())
        self.stage = Stage(self.memory.process().engines, self.prefix)

    def lay(self, *items: Given) -> None:
        """Put items on the table."""
        self.memory.table.load(items)

    def replays(self) -> list[Given]:
        """The replays that were asked for, without those that only looked."""
        asked = [given for _, path, given in self.asked if path == "replay"]
        return [given for given in asked if "dry_run" not in given]

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
        method, given = route.request.method, json.loads(route.request.post_data or "{}")
        try:
            once = route.request.headers.get("idempotency-key", "")
            self.press = actions.Press(WHO, given, once)
            return _tell(route, *self._answered(method, path, parse_qs(address.query, True), given))
        except Lost:
            return route.abort()

    def _answered(self, method: str, path: str, query: Given, given: Given) -> Answer:
        self.stage.changed()  # the clock stands still, so nothing that was looked at gets old
        if method != "GET":
            self.asked.append((method, path, given))
            other = self.instead(method, path, given)
            if other is not None:
                return other
        try:
            return 200, self._told(method, path, query, given)
        except RespoolError as problem:
            return status_of(problem), {"error": str(problem)}

    def _told(self, method: str, path: str, query: Given, given: Given) -> Mapping[str, Any]:
        what, *rest = path.split("/")
        if method == "GET":
            return self._look(what, rest, query)
        if what == "replay":
            told = actions.replay(self.stage, self.press, 20)
            if told["replayed"] and "plan" not in told:
                self.then()
            return told
        if what == "trigger":
            return set_trigger(self.stage, given, WHO)
        name, action = paths.read(rest[0]), rest[1]
        if action == "replay":
            return actions.replay_job(self.stage, paths.read_job(rest[0]), self.press, 20)
        if what == "replays":
            return stop_replay(self.stage, name, given, WHO)
        if action == "give-up":
            return actions.give_up(self.stage, paths.read_job(rest[0]), given, WHO)
        change = gates.set_limit if action == "limit" else gates.set_gate
        return change(self.stage, name, given, WHO)

    def _look(self, what: str, rest: list[str], query: Given) -> Mapping[str, Any]:
        if what == "replays":
            return (
                show_replay(self.stage, rest[0], query) if rest else list_replays(self.stage, query)
            )
        if what == "status":
            return {**status(self.stage, query), "caller": {"name": WHO, "kind": self.kind}}
        if what == "incidents" and not rest:
            return list_incidents(self.stage, query)
        if what == "incidents":
            return show_incident(self.stage, paths.read(rest[0]), query)
        if not rest:
            return list_jobs(self.stage, query)
        if rest == ["groups"]:
            return group_jobs(
                self.stage.overview.read(), self.stage.messages, self.stage.prefix, query
            )
        return show_job(self.stage, paths.read_job(rest[0]), query, self.kind == "full")


def _file(route: Route, name: str) -> None:
    if name.startswith("module/"):  # one of the modules alone, for what needs no page
        text = (page_files.FOLDER / name.removeprefix("module/")).read_text("utf-8")
        route.fulfill(status=200, body=text, content_type="text/javascript")
        return
    found = page_files.file(name)
    secure = {name: str(value) for name, value in SECURE.items()}
    headers = secure | {"Content-Type": found.type, "Content-Security-Policy": page_files.POLICY}
    route.fulfill(status=200, body=found.text, headers=headers)


def _tell(route: Route, status_code: int, told: Mapping[str, Any]) -> None:
    route.fulfill(status=status_code, body=json.dumps(told), content_type="application/json")


@contextmanager
def paper_page(chrome: Browser, paper: Paper, fragment: str = "", **options: Any) -> Iterator[Page]:
    """The page in a tab in Tokyo on that Monday morning, looking at a stage on paper.

    `fragment` is what its link brings.
    """
    given = {"timezone_id": "Asia/Tokyo", "service_workers": "block", **options}
    with page(chrome, **given) as tab:
        tab.clock.set_fixed_time(NOW)
        tab.context.route("**/*", paper.answer)
        tab.goto(ADDRESS + fragment)
        yield tab
