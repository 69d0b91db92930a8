"""The demo's script: seven jobs fail, wait, and go on once somebody presses the button."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from chalicelib.errors import RespoolError
from chalicelib.incidents.telling import text_of
from chalicelib.incidents.words import ENGLISH
from chalicelib.settings import Settings
from respool.deploy.engines import engines_for
from respool.local.deployment import Answer, Deployment
from respool.local.jobs import JobView, look
from respool.local.screen import Screen
from respool.local.tables import answer_table, job_table, spool_table

JOBS = 7
FIRST = 2
TIMEOUT = 90


class ScriptFailed(RespoolError):
    """The demo did not end as it must; the text says where."""


@dataclass
class Script:
    """The demo's steps, in order, on one deployment."""

    deployment: Deployment
    screen: Screen
    executions: list[str]

    def jobs(self) -> list[JobView]:
        """All jobs as they stand."""
        return [look(self.deployment, execution) for execution in self.executions]

    def fail(self) -> None:
        """Start jobs while the service is down, and wait until each is spooled."""
        self.screen.chapter("The service is down, and jobs come in")
        self.deployment.set_behavior("NG")
        self.executions += [self.deployment.start({"key": str(12345 + n)}) for n in range(JOBS)]
        self.screen.show(
            f"{JOBS} jobs are started. Each is tried, retried once after 5 s, and then parked;"
            " at most 5 are in the task at once."
        )
        self._watch(
            lambda: self.deployment.spool_depth() == JOBS, f"{JOBS} jobs in the spool", TIMEOUT
        )

    def look_at_the_spool(self) -> None:
        """Show what is in the spool, and why."""
        self.screen.chapter("The spool holds them, whole, and they cost nothing")
        self.screen.show(spool_table(self.deployment.claims()))

    def tell(self) -> None:
        """Show what people are told; nobody has given an address, so it stays here."""
        self.screen.chapter("Somebody is told, once, by mail and in the chat")
        self.deployment.invoke("admit", {})  # what its schedule does every five minutes
        engines = engines_for(self.deployment.client, self.deployment.names, Settings())
        incidents = engines.world.incidents.list(1)
        if not incidents:
            raise ScriptFailed("Jobs have failed, and nobody would have been told.")
        written = engines.teller.write(incidents[0], [news.what for news in incidents[0].news])
        text = text_of(written, ENGLISH).rstrip()
        self.screen.show(Text(f"Subject: {written.subject}\n\n{text}"))

    def recover(self) -> None:
        """Let the service work again; nothing else changes by itself."""
        self.screen.chapter("The service is well again")
        self.deployment.set_behavior("OK")
        self.screen.show(
            "BEHAVIOR=OK in the function's environment. The jobs still wait for a decision:",
            job_table(self.jobs()),
        )

    def replay_some(self) -> None:
        """Put back the first two over HTTP, after two refusals."""
        self.screen.chapter(f"Somebody puts {FIRST} back: POST /replay?max={FIRST}")
        for words, token in (("no token", None), ("a wrong token", "wrong")):
            answer = self._post(FIRST, token)
            if answer.status not in (401, 403):
                raise ScriptFailed(f"With {words}, /replay answered {answer.status}: {answer.text}")
            self.screen.show(f"with {words}: {answer.status}, and nothing is touched")
        self._replay(FIRST, JOBS - FIRST)

    def replay_the_rest(self) -> None:
        """Put back all others."""
        self.screen.chapter("It went well, so the rest: POST /replay?max=100")
        self._replay(100, 0)

    def check(self) -> None:
        """Raise ScriptFailed unless every job finished exactly once with its own output."""
        jobs = self.jobs()
        wrong = [job for job in jobs if not job.done_once]
        started = self.deployment.seen()["executions"]
        left = self.deployment.jobs("running", "line", "parked", "stuck")
        if wrong or left or len(started) != JOBS or self.deployment.spool_depth():
            self.screen.show(job_table(jobs))
            raise ScriptFailed(
                f"Not every job finished exactly once: wrong {wrong}, executions {started},"
                f" claims left {left}, spooled {self.deployment.spool_depth()}"
            )
        self.screen.show(
            f"\n[bold green]All {JOBS} jobs finished exactly once, each with its own output."
        )

    def _replay(self, most: int, left: int) -> None:
        answer = self.screen.work(
            lambda: self._post(most, self.deployment.token), "the replay's answer", TIMEOUT
        )
        if answer.status != 200:
            raise ScriptFailed(f"/replay?max={most} answered {answer.status}: {answer.text}")
        self.screen.show("with the token from Secrets Manager: 200", answer_table(answer.json))
        self._watch(
            lambda: [job.status for job in self.jobs()].count("SUCCEEDED") == JOBS - left,
            f"{JOBS - left} of {JOBS} jobs done",
            TIMEOUT,
        )
        if self.deployment.spool_depth() != left:
            raise ScriptFailed(f"{self.deployment.spool_depth()} jobs are spooled, not {left}")

    def _post(self, most: int, token: str | None) -> Answer:
        return self.deployment.api("POST", f"/replay?max={most}", token)

    def _watch(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        self.screen.wait(condition, what, timeout, view=lambda: job_table(self.jobs()))
