"""What AWS says of a stage's definition before anything is made: it costs nothing.

AWS validates the whole definition, and runs single states alone, where nothing is called: what
their tasks would have answered is given along.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.aws.calling import calling
from chalicelib.names import UNCERTAIN_TASK, Names
from respool.deploy.check import sources
from respool.deploy.definition import Definition
from respool.deploy.preflight import check
from respool.deploy.target import functions_of
from respool.deploy.validating import NOT_FOR_US, NotAsked, filled, findings

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

START = "2026-11-26T12:00:00.000Z"
NAME = "order-1"
EXECUTION = {"Id": "arn:aws:states:us-east-1:123456789012:execution:m:order-1", "Name": NAME}
FAILURE = {
    "attempt": "0",
    "failedAt": "",
    "firstFailedAt": "",
    "error": {"Error": "", "Cause": ""},
    "state": "parked",
}
JOB = {
    "pk": "job#order-1",
    "key": NAME,
    "head": NAME,
    "startedAt": START,
    "task": UNCERTAIN_TASK,
    "claimedAt": START,
    "counts": "off",
}
VARIABLES = {
    "respool": JOB,
    "respoolFailure": FAILURE,
    "respoolExpires": "1795694400",
    "respoolNoted": "yes",
}
Seen = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """One state run alone: what it is given, and where it must lead with which variables.

    `error` is what its task ends with, `tried` how many retries went before; `leads` None means
    that only AWS knows: what it does is told and recorded.
    """

    id: str
    happens: str
    state: str
    leads: str | None
    given: Any = field(default_factory=dict)
    error: tuple[str, str] | None = None
    tried: int = 0
    variables: Mapping[str, Any] = field(default_factory=dict)


CANCELED = "DynamoDb.TransactionCanceledException"
PROBES = (
    Probe(
        "claim-by-key",
        "A job is claimed by the key in its input.",
        "ClaimJob",
        "TakeSlot",
        {"key": "12345"},
        variables={"respool": {"pk": "job#12345", "key": "12345"}},
    ),
    Probe(
        "claim-by-number",
        "A number is a key as JSON writes it.",
        "ClaimJob",
        "TakeSlot",
        {"key": 0.00001},
        variables={"respool": {"key": "0.00001"}},
    ),
    Probe(
        "claim-by-name",
        "An input that is no object is claimed by its execution's name.",
        "ClaimJob",
        "TakeSlot",
        [{"key": "a"}],
        variables={"respool": {"pk": f"job#{NAME}"}},
    ),
    Probe("minus-zero-as-text", "$string of minus zero.", "ClaimJob", None, {"key": -0.0}),
    Probe("no-key", "A key that is none is refused.", "ClaimJob", "BadInput", {"key": {"id": 5}}),
    Probe(
        "refused-slot-leads-to-the-line",
        "A cancelled transaction is caught by its name, and not retried.",
        "TakeSlot",
        "WaitInLine",
        error=(CANCELED, "Transaction cancelled [ConditionalCheckFailed]"),
    ),
    Probe(
        "failure-is-kept",
        "A failure after the last retry is counted and kept, its cause up to 4,000 characters.",
        UNCERTAIN_TASK,
        "ErrorSpool",
        error=("ConnectionError", "x" * 5000),
        tried=1,
        variables={"respoolFailure": {"attempt": "1", "state": "parked"}},
    ),
    Probe(
        "large-result-is-stuck",
        "A result that is too large is caught at once, and the job is stuck.",
        UNCERTAIN_TASK,
        "ErrorSpool",
        error=("States.DataLimitExceeded", "too large"),
        variables={"respoolFailure": {"attempt": "1", "state": "stuck"}},
    ),
    Probe(
        "broken-spool-parks-all-the-same",
        "A job whose note can't be sent is parked.",
        "ErrorSpool",
        "Park",
        error=("RuntimeError", "the spool is away"),
        tried=4,
        variables={"respoolNoted": "no"},
    ),
    Probe(
        "another-s-key-ends-it",
        "A key that another execution has ends this one.",
        "ConfirmClaim",
        "AlreadyRunning",
        error=("DynamoDb.ConditionalCheckFailedException", "The conditional request failed"),
    ),
)


@dataclass(frozen=True)
class Free:
    """Asks Step Functions through `client`, and tells `say` what came of it."""

    client: "SFNClient"
    say: Callable[[str], None]
    wrong: list[str] = field(default_factory=list)

    def run(self, definition: Definition) -> list[Seen]:
        """Ask for all of it; returns what was seen, and adds to `wrong` what must not be so."""
        wrong = list(self._validated(definition))
        seen, states = [], definition["States"]
        for probe in PROBES:
            if probe.state not in states:
                self.say(f"not asked: {probe.happens} There is no state {probe.state}.")
                continue
            try:
                answer = self._tested(probe, states[probe.state])
            except NotAsked as refused:
                self.say(f"not asked: AWS runs no single states for you here ({refused})")
                break
            differs = differences(probe, answer)
            self.say(f"{'NO' if differs else 'yes' if probe.leads else 'seen'}: {probe.happens}")
            wrong += [f"{probe.id}: {one}" for one in differs]
            seen.append(as_fact(probe, answer))
        self.wrong.extend(wrong)
        return seen

    def _validated(self, definition: Definition) -> Iterator[str]:
        """What AWS refuses of the whole, callbacks of SDK integrations included."""
        try:
            problems = list(findings(self.client, definition))
        except NotAsked as refused:
            self.say(f"not asked: AWS validates no definition for you here ({refused})")
            return
        self.say(f"{'NO' if problems else 'yes'}: AWS takes the definition, every state of it.")
        yield from problems

    def _tested(self, probe: Probe, state: Mapping[str, Any]) -> Mapping[str, Any]:
        asked: dict[str, Any] = {
            "definition": json.dumps(state),
            "input": json.dumps(probe.given),
            "inspectionLevel": "DEBUG",
            "variables": json.dumps({} if state["Type"] == "Choice" else VARIABLES),
            "context": json.dumps(
                {"Execution": {**EXECUTION, "Input": probe.given, "StartTime": START}}
            ),
        }
        if probe.error:
            error, cause = probe.error
            asked["mock"] = {"errorOutput": {"error": error, "cause": cause}}
            asked["stateConfiguration"] = {"retrierRetryCount": probe.tried}
        try:
            answer: Mapping[str, Any] = self.client.test_state(**asked)
        except ClientError as refused:
            if refused.response.get("Error", {}).get("Code") in NOT_FOR_US:
                raise NotAsked(str(refused)) from None
            with calling("TestState", probe.state):
                raise
        return answer


def definition_of(project: Path, stage: str, names: Names) -> Definition:
    """The stage's definition as its stack will have it. Raises Malformed."""
    app = importlib.import_module("app").app
    source = next(sources(project, functions_of(app), stage))
    return filled(check(source).template, names)


def write(path: Path, seen: list[Seen], region: str) -> None:
    """Write what was seen as facts that anybody may send in: who saw it, and when."""
    source = f"make verify, in a region of {region.partition('-')[0]}, {datetime.now(UTC):%Y-%m-%d}"
    facts = [{**one, "source": source, "sure": "recorded"} for one in seen]
    path.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")


def differences(probe: Probe, answer: Mapping[str, Any]) -> list[str]:
    """What is otherwise than it must be: the next state, or a variable."""
    if probe.leads is None:
        return []
    lines = []
    if answer.get("nextState") != probe.leads:
        state = (
            f"{answer.get('status')} {answer.get('error', '')} {answer.get('cause', '')}".strip()
        )
        lines.append(f"it leads to {answer.get('nextState')}, not {probe.leads} ({state})")
    variables = _variables(answer)
    for name, fields in probe.variables.items():
        held = variables.get(name)
        for key, value in fields.items() if isinstance(fields, dict) else [("", fields)]:
            is_there = held.get(key) if isinstance(held, dict) else held
            if is_there != value:
                lines.append(f"${name}{'.' if key else ''}{key} is {is_there!r}, not {value!r}")
    return lines


def as_fact(probe: Probe, answer: Mapping[str, Any]) -> Seen:
    """What was seen, as a fact: names and shapes, no ids, no text of anybody's."""
    return {
        "id": probe.id,
        "happens": probe.happens,
        "state": probe.state,
        "status": answer.get("status"),
        "error": answer.get("error"),
        "leads": answer.get("nextState"),
        "variables": shape(_variables(answer)),
    }


def shape(value: Any) -> Any:
    """The value with a word in the place of each text and number; short digits stay as they are."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    if isinstance(value, str):
        return value if value.lstrip("-").isdigit() and len(value) < 3 else "text"
    if isinstance(value, bool) or value is None:
        return value
    return "number"


def _variables(answer: Mapping[str, Any]) -> dict[str, Any]:
    text = answer.get("inspectionData", {}).get("variables") or "{}"
    variables: dict[str, Any] = json.loads(text)
    return variables
