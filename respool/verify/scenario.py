"""What has to be true on AWS, end to end; the same lines run on a real account and in the tests."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.aws.tokens import Kind
from chalicelib.errors import RespoolError
from chalicelib.job.claim import JOB, Claim, State
from chalicelib.job.restarts import restart_name
from respool.verify.site import Site

FUNCTION = "uncertain_task"
TASK = "UncertainTask"
WHO = "make verify"
LIMIT = 2
CROWD = 5


class NotTrue(RespoolError):
    """Something that the product leans on is not so; the text says what was seen instead."""


class Scenario:
    """Ten jobs whose keys begin with `prefix`: they fail, wait, go on, or end."""

    def __init__(self, site: Site, prefix: str, say: Callable[[str], object]) -> None:
        self._site = site
        self._prefix = prefix
        self._say = say

    def run(self, work_seconds: str = "2") -> None:
        """Check everything in order. Raises NotTrue or NotInTime at the first thing that is not so.

        The stage's task fails meanwhile, and is in the end as it was found.
        """
        before = self._site.variables(FUNCTION)
        kept = {"BEHAVIOR": before.get("BEHAVIOR", "OK"), "SLEEP": before.get("SLEEP", "2")}
        self._site.set_variables(FUNCTION, BEHAVIOR="NG", SLEEP=work_seconds)
        try:
            for number, (words, check) in enumerate(self._checks(), 1):
                check()
                self._say(f"{number}. {words}")
        finally:
            self._site.set_variables(FUNCTION, **kept)

    def _checks(self) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "Jobs that fail are retried once, spooled and parked.", self.fail
        yield "A key belongs to one execution, while it is parked too.", self.exclude
        yield "A job that is given up ends for good.", self.give_up
        yield "The API answers with a token and refuses without.", self.authorize
        yield "A replay over the API resumes a job where it stopped.", self.replay_over_the_api
        yield "The replay Lambda resumes the others.", self.replay_by_lambda
        yield "An aborted job is caught by the rescue, and put back.", self.abort
        yield f"With limit {LIMIT}, never more than {LIMIT} jobs are in the task.", self.limit

    def key(self, name: str) -> str:
        """A job's key, which is its execution's name too."""
        return f"{self._prefix}{name}"

    def arn(self, name: str) -> str:
        """A job's first execution."""
        return self._site.engines.world.workflow.arn(self.key(name))

    def fail(self) -> None:
        """Three jobs fail while the service is down."""
        for name in "abc":
            self._start(name)
        for name in "abc":
            claim = self._parked(name)
            _true(claim.attempt == 1 and claim.task == TASK, f"it is claimed as {claim}")
            _true(bool(claim.failure.name), f"the claim of {self.key(name)} names no error")
        spool = self._site.engines.world.spool
        self._site.wait(lambda: spool.depth() >= 3, "three notes on the spool")
        tries = [e["type"] for e in self._site.history(self.arn("a"))].count("LambdaFunctionFailed")
        _true(tries == 2, f"{self.key('a')} was tried {tries} times")

    def exclude(self) -> None:
        """A second execution of a parked job's key touches nothing."""
        second = self._site.start(self.key("second"), {"key": self.key("a")})
        self._site.wait(lambda: self._site.status(second) == "FAILED", "the second one to end")
        about = self._site.describe(second)
        _true(about["error"] == "AlreadyRunning", f"it ended as {about['error']}")
        _true(self.key("a") in about["cause"], f"it does not name the key: {about['cause']}")

    def give_up(self) -> None:
        """Give one job up."""
        ending = self._site.engines.give_up.end(self.key("c"), WHO)
        _true(ending.given_up, f"it is said to be {ending.state}")
        self._site.wait(lambda: self._site.status(self.arn("c")) == "FAILED", "it to end")
        error = self._site.describe(self.arn("c")).get("error")
        _true(error == "GivenUp", f"its error is {error}")
        _true(self._claim("c").state is State.GIVEN_UP, f"its claim says {self._claim('c').state}")

    def authorize(self) -> None:
        """Nobody gets in without a token, and a revoked one is none."""
        tokens = self._site.engines.world.named_tokens
        name = self._prefix.strip("-")
        self._token = tokens.create(name, Kind.FULL)
        self._site.wait(lambda: self._call("GET", "/status", self._token)[0] == 200, "the API")
        refused = [self._call("GET", "/status", token)[0] for token in ("", "wrong")]
        _true(refused == [401, 403], f"without a token and with a wrong one it says {refused}")
        answer = self._call("GET", "/status", self._token)[1]
        _true(answer["caller"]["name"] == name, f"it takes the caller for {answer['caller']}")

    def replay_over_the_api(self) -> None:
        """The service is well again, and a person puts one job back."""
        self._site.set_variables(FUNCTION, BEHAVIOR="OK")
        status, answer = self._call("POST", "/replay?max=1", self._token)
        _true(status == 200, f"it answered {status}: {answer}")
        _true((answer["replayed"], answer["resumed"]) == (1, 1), f"it put back {answer}")
        self._site.wait(lambda: self._succeeded("ab") == 1, "the resumed job to finish")
        self._site.engines.world.named_tokens.revoke(self._prefix.strip("-"))

    def replay_by_lambda(self) -> None:
        """The other one is put back by the Lambda that a schedule would invoke."""
        answer = self._site.invoke("reprocess", {"max": 10})
        _true(answer["resumed"] == 1, f"it put back {answer}")
        self._site.wait(lambda: self._succeeded("ab") == 2, "both jobs to finish")
        for name in "ab":
            self._finished(self.arn(name), name)
            entered = self._site.entered(self.arn(name))
            once = entered.count("ClaimJob") == 1 and entered.count("ErrorSpool") == 1
            _true(once, f"{self.key(name)} went through {entered}")

    def abort(self) -> None:
        """A job that stands in line is stopped from outside every Catch."""
        engines = self._site.engines
        before = engines.world.line.slots(TASK).limit
        engines.gates.set_limit(TASK, 0, WHO, "")
        stopped = self._start("d")
        self._site.wait(lambda: self._is("d", State.LINE), "the job to stand in line")
        engines.world.workflow.stop(stopped, "Killed", WHO)
        self._site.wait(lambda: bool(self._claim("d").dead_at), "the rule to tell of its end")
        successor = engines.world.workflow.arn(restart_name(self._claim("d")))
        engines.gates.set_limit(TASK, before, WHO, "")
        answer = self._site.invoke("reprocess", {"max": 10})
        _true(answer["replayed"] == 1, f"it put back {answer}")
        runs = stopped if answer["resumed"] else successor
        self._site.wait(lambda: self._site.status(runs) == "SUCCEEDED", "the job to finish")
        self._finished(runs, "d")
        self._say(f"   ({'redriven where it was stopped' if runs == stopped else 'restarted'})")

    def limit(self) -> None:
        """More jobs come than may be in the task at once."""
        engines = self._site.engines
        before = engines.world.line.slots(TASK).limit
        engines.gates.set_limit(TASK, LIMIT, WHO, "")
        names = [f"limit-{n}" for n in range(CROWD)]
        for name in names:
            self._start(name)
        self._site.wait(lambda: self._succeeded(names) == CROWD, "all of them to finish")
        engines.gates.set_limit(TASK, before, WHO, "")
        most = most_at_once([self._site.history(self.arn(name)) for name in names])
        _true(1 <= most <= LIMIT, f"{most} were in the task at once")

    def _parked(self, name: str) -> Claim:
        self._site.wait(lambda: self._is(name, State.PARKED), f"{self.key(name)} to be parked")
        return self._claim(name)

    def _is(self, name: str, state: State) -> bool:
        claim = self._site.engines.world.claims.get(JOB + self.key(name))
        return claim is not None and claim.state is state

    def _claim(self, name: str) -> Claim:
        claim = self._site.engines.world.claims.get(JOB + self.key(name))
        if claim is None:
            raise NotTrue(f"there is no claim of {self.key(name)}")
        return claim

    def _start(self, name: str) -> str:
        return self._site.start(self.key(name), self._job(name))

    def _job(self, name: str) -> Any:
        return {"key": self.key(name), "note": "make verify \u3042"}

    def _succeeded(self, names: Any) -> int:
        return sum(self._site.status(self.arn(name)) == "SUCCEEDED" for name in names)

    def _finished(self, execution: str, name: str) -> None:
        output = json.loads(self._site.describe(execution)["output"])
        _true(output == self._job(name), f"the output of {execution} is {output}")

    def _call(self, method: str, path: str, token: str) -> tuple[int, Any]:
        return self._site.call(method, path, token)


def most_at_once(histories: list[list[Mapping[str, Any]]]) -> int:
    """The most of these executions that were in their task at the same time."""
    edges = []
    for history in histories:
        for event in history:
            if event["type"] == "LambdaFunctionScheduled":
                edges.append((event["timestamp"], 1))
            elif event["type"] in ("LambdaFunctionSucceeded", "LambdaFunctionFailed"):
                edges.append((event["timestamp"], -1))
    inside = most = 0
    for _, step in sorted(edges):
        inside += step
        most = max(most, inside)
    return most


def _true(fact: bool, otherwise: str) -> None:
    if not fact:
        raise NotTrue(otherwise)
