"""The states around one chosen task, and what of the task itself changes."""

from dataclasses import dataclass, field

from respool.adopt.ladder import ALL, split, takes_all
from respool.adopt.language import in_jsonata
from respool.adopt.template import OF_TABLE, Filling
from respool.deploy.definition import State

WAITING = ("WaitInLine", "Rejoin", "Park")
ENTERING = ("TakeSlot", "WaitInLine", "Rejoin")
CHANGED = ("Retry", "Assign", "Catch", "Next", "End")
"""The fields of a chosen task that may change: ClaimJob's comment keeps what they were."""
UNDO = " Undo: "
HOURS_OF_TRIES = 600
"""At half a minute each on average five hours, and fewer than 2,000 events."""


@dataclass
class Frame:
    """One task's frame; `after` is the state behind the task, empty at the end of its machine.

    `own`: in the stage's own machine. `speaks`: the machine's language. `jsonata`: the task's.
    `first`: the task's input is the execution's, always.
    """

    filling: Filling
    task: State
    own: bool
    speaks: str
    jsonata: bool
    first: bool
    again: bool
    one_retry: bool
    after: str
    target: dict[str, str]
    """The names under which the machine's states are entered, where they are not their own."""
    made: dict[str, State] = field(default_factory=dict)
    leaves: dict[tuple[str, str], str] = field(default_factory=dict)

    def build(self) -> dict[str, State]:
        """All states, the task among them, in the order of a job's way."""
        narrow, broad = split(self.task)
        self.first = self.first and self.jsonata and not broad
        ladder = self._ladder(broad)
        self._claim()
        for local in ("TakeSlot", "WaitInLine", "Rejoin", "ConfirmClaim", "AlreadyRunning"):
            self._add(local, ladder, broad)
        before = dict(self.made)
        self.made.clear()
        task = self._task(narrow)
        for local in (*(() if self.jsonata else ("NoteFailure",)), "ErrorSpool", "Park"):
            self._add(local, ladder, broad)
        self._leave(not takes_all(broad) and not self.own)
        self._finish()
        return {**before, self.filling.task: task, **self.made}

    def _claim(self) -> None:
        state = self.filling.named("ClaimJob")
        if not self.own:  # nothing to choose: a key that is none is passed over
            del state["Choices"]
            state["Type"] = "Pass"
            state["Next"] = state.pop("Default")
        state["Comment"] = state["Comment"] + UNDO
        self._keep("ClaimJob", state)
        if self.own:
            self._add("BadInput", [], [])

    def _add(self, local: str, ladder: list[State], broad: list[State]) -> None:
        state = self.filling.named(local)
        if local in ENTERING and not self.first:
            state.pop("OutputPath", None)
        if local in ENTERING[:2] and self.again:
            _claimable_again(state)
        if local in WAITING:
            if ladder:
                state["Catch"] = [*state.get("Catch", []), *ladder]
                state["Next"] = state.pop("Next")
            if not self.own:
                _retry_writes_alone(state)
            if self.jsonata and broad:
                state = in_jsonata(state)
        self._keep(local, state)

    def _keep(self, local: str, state: State) -> None:
        result = in_jsonata(state) if self.speaks == "JSONata" else state
        self.made[self.filling.state(local)] = result

    def _task(self, narrow: list[State]) -> State:
        """The task, with what is ours put where it belongs: no field of theirs moves."""
        catchers = [{**each, "Next": self._way(each["Next"], "finished")} for each in narrow]
        kind = "JsonataTask" if self.jsonata else "JsonpathTask"
        ours = self.filling.part(kind, "Catch")
        if self.jsonata and not self.first:
            ours["Output"] = "{% $states.input %}"
        new: State = {"Catch": [*catchers, ours], "Next": self.filling.state("Finish")}
        if self.jsonata:
            theirs = self.task.get("Assign", {})
            new["Assign"] = {**theirs, **self.filling.part(kind, "Assign")}
        if self.one_retry:
            new["Retry"] = self.filling.part("Retry")
        return _changed(self.task, new)

    def _ladder(self, broad: list[State]) -> list[State]:
        """What catches the error with which a waiting job is given up."""
        catchers = [{**each, "Next": self._way(each["Next"], "given-up")} for each in broad]
        if self.own or takes_all(broad):
            return catchers
        last = self.filling.part("JsonpathTask", "Catch")
        end = self._way(self.filling.state("GivenUp"), "given-up")
        return [*catchers, {**last, "ErrorEquals": [ALL], "Next": end}]

    def _way(self, target: str, how: str) -> str:
        """The state that gives up slot and claim on the way to another one."""
        leaf = self.leaves.get((target, how))
        if leaf is None:
            self.leaves[target, how] = leaf = self.filling.state("Leave")
        return leaf

    def _leave(self, fails: bool) -> None:
        for (target, how), name in self.leaves.items():
            state = self.filling.named("Leave")
            to = self.target.get(target, target)
            state["Next"] = state["Catch"][0]["Next"] = to
            items = state["Parameters"]["TransactItems"]
            items[1]["Update"]["ExpressionAttributeValues"][":how"] = {"S": how}
            self.made[name] = in_jsonata(state) if self.speaks == "JSONata" else state
        if fails:
            self._keep("GivenUp", self.filling.named("GivenUp"))

    def _finish(self) -> None:
        for local in ("Finish", "FinishClosed"):
            state = self.filling.named(local)
            if self.after:
                del state["End"]
                state["Next"] = self.after
                if local == "FinishClosed":
                    state["Catch"][0]["Next"] = self.after
            self._keep(local, state)
        if not self.after:
            self._keep("Done", self.filling.named("Done"))


def _claimable_again(state: State) -> None:
    """Let a loop claim this execution's own ended claim again, unless it is of this very visit."""
    update = state["Parameters"]["TransactItems"][1]["Update"]
    update["ConditionExpression"] = update["ConditionExpression"].replace(
        "(execution <> :me AND attribute_exists(endedAt))",
        "(attribute_exists(endedAt) AND (execution <> :me OR claimedAt <> :claimed))",
    )


def _retry_writes_alone(state: State) -> None:
    """What a job is given up with is its task's error, which no retrier of ours may take.

    What they don't take is caught as if the job were given up: the table may be out of reach for
    hours before that.
    """
    for retrier in state["Retry"]:
        if retrier["ErrorEquals"] == [ALL]:
            retrier["ErrorEquals"] = list(OF_TABLE)
            retrier["MaxAttempts"] = HOURS_OF_TRIES


def _changed(task: State, new: State) -> State:
    """The task with these fields: in the place of what was there, else before what comes next."""
    state: State = {}
    added = {name: value for name, value in new.items() if name not in task and name != "Next"}
    for name, value in task.items():
        if name in ("Next", "End"):
            state |= {each: added.pop(each) for each in CHANGED if each in added}
            state["Next"] = new["Next"]
        else:
            if name in ("Retry", "Catch") and "Assign" in added:
                state["Assign"] = added.pop("Assign")
            state[name] = new.get(name, value)
    return state | added


def was(task: State, changed: State) -> dict[str, object]:
    """What the changed fields were; null for one that was not there."""
    return {name: task.get(name) for name in CHANGED if task.get(name) != changed.get(name)}
