"""The state machine in memory: carries executions from state to state as the definition says.

What a state does on AWS may fail there; the definition's Retry and Catch say what comes then.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from chalicelib.job.execution import Status, machine_of
from chalicelib.limits import PAYLOAD
from tests.fakes.clock import SteppedClock
from tests.fakes.definition import Definition, Rule, State
from tests.fakes.executions import Executions
from tests.fakes.resources import BEGUN, Resources, StateFailed
from tests.fakes.run import Run
from tests.fakes.service import TASK
from tests.fakes.templates import EvaluationError, Scope, Template
from tests.fakes.wire import Wire

YEAR = timedelta(days=365)
WAITING = object()
"""The result of a state that has made its call and waits on its token."""


class Machine:
    """Carries executions on; nothing moves unless it is told to.

    `jitter` is which part of a retry's delay passes where the definition leaves that to chance.
    """

    def __init__(
        self,
        clock: SteppedClock,
        executions: Executions,
        definition: Definition,
        resources: Resources,
    ) -> None:
        self.definition = definition
        self.jitter: Callable[[], float] = lambda: 0.5
        self._clock = clock
        self._executions = executions
        self._resources = resources
        self._kinds: dict[str, Callable[[Run, State], bool]] = {
            "Task": self._task,
            "Choice": self._choice,
            "Pass": self._pass,
            "Succeed": self._succeed,
            "Fail": self._fail,
        }

    @property
    def wire(self) -> Wire:
        """The wire of the states' own calls."""
        return self._resources.wire

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self._resources.wire = wire

    def run(self) -> None:
        """Let every execution go on until it ends, or waits for something."""
        moved = True
        while moved:
            moved = False
            for run in self._executions.running():
                moved |= self.step(run)

    def run_to(self, arn: str, state: str) -> None:
        """Let one execution go on until it is about to do a state's work, or inside the task."""
        run = self._executions.runs[arn]
        while run.running and run.state != state and self.step(run):
            pass
        if run.state == TASK:
            self.step(run)

    def step(self, run: Run) -> bool:
        """Do one thing: a state's call, or going on to the next; False where it can only wait."""
        if not run.running:
            return False
        if self._clock.now() - run.started_at > YEAR:
            self._executions.close(run, Status.TIMED_OUT)
            return True
        if not run.state:
            self._enter(run, self._definition_of(run).start)
        state = self._definition_of(run).states[run.state]
        return self._kinds[state.type](run, state)

    def write_late(self, run: Run) -> None:
        """Let the call of a dead execution's state reach AWS after its end; nobody hears of it."""
        state = self._definition_of(run).states[run.state]
        if state.type == "Task":
            run.token = run.token or "a dead execution's token"
            self._resources.write_late(state, self._arguments(run, state))

    def _enter(self, run: Run, name: str) -> None:
        now = self._clock.tick()
        run.enter(name, self._clock.elapsed(), now)
        run.events += 2
        run.fail_state = self._definition_of(run).states[name].type == "Fail"

    def _definition_of(self, run: Run) -> Definition:
        return self._executions.definitions.get(machine_of(run.arn), self.definition)

    def _task(self, run: Run, state: State) -> bool:
        if run.waits or run.inside:
            if run.answer is None and self._timed_out(run, state):
                self._failed(run, state, "States.Timeout", "")
                return True
            if run.waits and run.answer is None:
                return False
        elif run.due > self._clock.elapsed():
            self._clock.pause(run.due - self._clock.elapsed())
        try:
            result = self._work(run, state)
            if result is not WAITING and result is not BEGUN:
                self._done(run, state, result)
        except StateFailed as failure:
            self._failed(run, state, failure.error, failure.cause)
        except EvaluationError as problem:
            self._failed(run, state, "States.QueryEvaluationError", str(problem))
        return True

    def _timed_out(self, run: Run, state: State) -> bool:
        seconds = state.fields.get("TimeoutSeconds")
        return seconds is not None and self._clock.elapsed() - max(run.entered, run.due) > seconds

    def _work(self, run: Run, state: State) -> Any:
        """The state's result, or WAITING, or BEGUN. Raises StateFailed."""
        if run.waits:
            answer = run.answer
            if answer is not None and answer.failed:
                raise StateFailed(answer.error, answer.cause)
            return {}
        run.events += 3
        if state.waits:
            self._executions.new_token(run)
        result = self._resources.call(run, state, self._arguments(run, state))
        if result is BEGUN:
            return BEGUN
        if state.waits:
            run.waits = True
            return WAITING
        if len(json.dumps(result, ensure_ascii=False).encode()) > PAYLOAD:
            raise StateFailed("States.DataLimitExceeded", "The state returned too much.")
        return result

    def _arguments(self, run: Run, state: State) -> Any:
        if state.arguments is None:
            return run.value
        return state.arguments(self._scope(run, state))

    def _done(self, run: Run, state: State, result: Any) -> None:
        run.events += 2
        self._go_on(run, state, state.assign, state.output, state.next, {"result": result})

    def _failed(self, run: Run, state: State, error: str | None, cause: str | None) -> None:
        """What the state's Retry and Catch say."""
        run.token, run.waits, run.answer, run.inside = "", False, None, False
        name = error or ""
        for number, rule in enumerate(state.retriers):
            if rule.takes(name):
                if run.tries[number] < rule.fields.get("MaxAttempts", 3):
                    self._retry(run, rule, number)
                    return
                break
        for rule in state.catchers:
            if rule.takes(name):
                told = {"Error": error, "Cause": cause}
                more = {"errorOutput": told, "result": told}
                self._go_on(run, state, rule.assign, rule.output, rule.fields["Next"], more)
                return
        self._executions.close(run, Status.FAILED, name, cause or "")

    def _retry(self, run: Run, rule: Rule, number: int) -> None:
        fields = rule.fields
        delay = fields.get("IntervalSeconds", 1) * fields.get("BackoffRate", 2) ** run.tries[number]
        delay = min(delay, fields.get("MaxDelaySeconds", delay))
        if fields.get("JitterStrategy") == "FULL":
            delay *= self.jitter()
        run.tries[number] += 1
        run.transitions += 1
        run.due = self._clock.elapsed() + delay

    def _choice(self, run: Run, state: State) -> bool:
        scope = self._scope(run, state)
        try:
            for condition, assign, following in state.choices:
                if condition(scope) is True:
                    self._go_on(run, state, assign, state.output, following, {})
                    return True
            self._go_on(run, state, state.assign, state.output, state.fields["Default"], {})
        except EvaluationError as problem:
            self._failed(run, state, "States.QueryEvaluationError", str(problem))
        return True

    def _pass(self, run: Run, state: State) -> bool:
        self._go_on(run, state, state.assign, state.output, state.next, {"result": run.value})
        return True

    def _succeed(self, run: Run, _: State) -> bool:
        self._executions.close(run, Status.SUCCEEDED)
        return True

    def _fail(self, run: Run, state: State) -> bool:
        scope = self._scope(run, state)
        self._executions.close(run, Status.FAILED, state.error(scope), state.cause(scope))
        return True

    def _go_on(
        self,
        run: Run,
        state: State,
        assign: Template | None,
        output: Template,
        following: str,
        more: Mapping[str, Any],
    ) -> None:
        """Assign, hand on the output, and enter the next state; every expression sees the past."""
        scope = self._scope(run, state, more)
        assigned = assign(scope) if assign else {}
        run.value = output(scope)
        run.variables = {**run.variables, **assigned}
        if following:
            self._enter(run, following)
        else:
            self._executions.close(run, Status.SUCCEEDED)

    def _scope(self, run: Run, state: State, more: Mapping[str, Any] | None = None) -> Scope:
        """What a state's templates may look at."""
        more = more or {}
        context = {
            "Execution": run.execution,
            "State": {"Name": run.state, "EnteredTime": run.entered_at},
            "Task": {"Token": run.token},
        }
        scope: dict[str, Any] = {
            "input": run.value,
            "result": None,
            "context": context,
            "variables": run.variables,
            **more,
        }
        if state.jsonata:
            scope["now"] = self._clock.iso()
            scope["millis"] = round(self._clock.now().timestamp() * 1000)
            scope["states"] = {"input": run.value, "context": context, **more}
            seen = [run.arn, run.input, run.entered_at, scope["now"], run.variables, more]
            scope["fingerprint"] = json.dumps([run.execution["StartTime"], run.value, *seen])
        return scope
