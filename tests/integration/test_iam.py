"""Every Lambda does all its jobs with its own role, needs all of it, and reaches no other stage.

IAM is enforced (`tests/iam/moto.py`) while the handlers of app.py run by event. What they called
is what their policies are measured by: nobody wrote it down.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from moto.core.authorization import disable_iam_authentication, enable_iam_authentication

import app
from chalicelib.aws.tokens import Kind, NamedTokens
from chalicelib.aws.world import AwsWorld
from chalicelib.deployed import SystemTime, engines_of
from chalicelib.errors import AwsError, RespoolError
from chalicelib.job.claim import State, job_pk
from chalicelib.job.execution import Status
from chalicelib.job.record import Record
from chalicelib.names import UNCERTAIN_TASK
from respool.deploy.iam import Call, allows
from respool.deploy.resolved import ACCOUNT, REGION, arn
from tests.iam.deployed import FUNCTIONS, Deployed
from tests.iam.moto import Needed, moto_with_iam
from tests.iam.narrowed import narrowed
from tests.iam.stage import LONG_AGO, TOKEN, IamStage, request, wait_in_every_way


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as made:
        yield made


@pytest.fixture(scope="module")
def moto() -> Iterator[Needed]:
    with moto_with_iam() as needed:
        yield needed


def made(name: str, patch: pytest.MonkeyPatch) -> IamStage:
    stage = IamStage(Deployed(name), patch)
    stage.make()
    return stage


@pytest.fixture(scope="module")
def dev(moto: Needed, patch: pytest.MonkeyPatch) -> IamStage:
    return made("dev", patch)


@pytest.fixture(scope="module")
def prod(moto: Needed, patch: pytest.MonkeyPatch) -> IamStage:
    return made("prod", patch)


def work(dev: IamStage) -> None:
    with dev.process("uncertain_task", SLEEP="0") as invoke:
        assert invoke({"key": "a"}) == {"key": "a"}


def spool_jobs(dev: IamStage) -> None:
    running = dev.start("spooled-running")
    dead = dev.start("spooled-dead", "FAILED", "States.Runtime")
    ended = dev.start("spooled-ended", "FAILED", "GivenUp")
    unclaimed = dev.start("spooled-unclaimed", "ABORTED")
    for execution in (dead, ended):
        dev.claim(execution, "running", noted="no")
    note = {"respool": 1, "key": "a", "execution": running, "task": UNCERTAIN_TASK, "attempt": 1}
    with dev.process("error_spool") as invoke:
        assert invoke(note)["result"] == "spooled"
        assert invoke({"key": "b", "error-info": {"Error": "E"}})["result"] == "spooled"
        assert invoke({"key": [1], "error-info": {"Error": "E"}})["result"] == "stuck"
        assert invoke(died(dead))["result"] == "parked"
        assert invoke(died(unclaimed))["result"] == "parked"
        assert invoke(died(ended))["result"] == "ended"


def died(execution: str) -> dict[str, Any]:
    kind = "Step Functions Execution Status Change"
    return {"detail-type": kind, "detail": {"executionArn": execution}}


def replay_jobs(dev: IamStage) -> None:
    wait_in_every_way(dev, "nightly")
    with dev.process("reprocess", MAX_REPROCESS="100") as invoke:
        told = invoke({"unattended": True})
        assert told["resumed"] >= 4, "two by their tokens, two redriven"
        assert told["restarted"] >= 2, "one that nobody claimed, one whose execution was aborted"
        assert invoke({"max": 1, "key": "none such"})["replayed"] == 0
        assert invoke({"replay": dev.cut_short()})["carried_on"]
        hand_over(dev)


def hand_over(dev: IamStage) -> None:
    """As a run does whose time is up; the function itself is not there on moto."""
    with suppress(RespoolError):
        engines_of(arn("lambda", f"function:{dev.names.reprocess}")).world.hand_over("0123")


def take_what_sqs_delivers(dev: IamStage) -> None:
    sqs = dev.session.client("sqs")
    url = dev.url(dev.names.spool)
    sqs.purge_queue(QueueUrl=url)
    execution = dev.start("not-yet-parked")
    key = dev.claim(execution, "running", attempt="0")
    dev.spool(Record(key=key, execution=execution, task=UNCERTAIN_TASK, attempt=1))
    asked: dict[str, Any] = {"QueueUrl": url, "MessageSystemAttributeNames": ["SentTimestamp"]}
    (message,) = sqs.receive_message(**asked)["Messages"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }
    with dev.process("reprocess") as invoke:
        kept = invoke({"Records": [record]})["batchItemFailures"]
    assert kept == [{"itemIdentifier": message["MessageId"]}]


def sweep_and_ramp(dev: IamStage) -> None:
    lost = dev.start("never-heard-of", "FAILED", "States.Runtime")
    done = dev.start("claim-left", "SUCCEEDED")
    dev.claim(lost, "running")
    key = dev.claim(done, "running")
    dev.claim(dev.start("in-line-swept"), "line")
    with dev.process("reprocess", RECOVERY="ramp") as invoke:
        swept = invoke({"sweep": True})
        assert lost in swept["rescued"]
        assert key in swept["ended"]
        assert swept["refused"] == []
        assert UNCERTAIN_TASK in invoke({"ramp": True})["ramp"]


def admit_jobs(dev: IamStage) -> None:
    """Two by their tokens, two that are dead and redriven, one that is dead and restarted."""
    dev.claim(dev.start("in-line"), "line")
    dev.claim(dev.start("in-line-dead", "FAILED", "States.Runtime"), "line", deadAt=LONG_AGO)
    dev.claim(dev.start("in-line-aborted", "ABORTED"), "line", deadAt=LONG_AGO)
    dev.claim(dev.child("in-line-item"), "line", deadAt=LONG_AGO)
    dev.claim(dev.child("in-line-item-alive", status="RUNNING"), "line")
    dev.claim(dev.start("in-line-unheard", "FAILED", "States.Runtime"), "line")
    record = {"dynamodb": {"Keys": {"pk": {"S": f"slots#{UNCERTAIN_TASK}"}}}}
    dev.incident()
    dev.claim(dev.start("parked-untold"))
    with dev.process("admit", RECOVERY="ramp", WEBHOOK_URL="http://127.0.0.1:9/") as invoke:
        assert invoke({"Records": [record]})["admitted"] == {UNCERTAIN_TASK: 6}
        dev.cut_short()
        assert invoke({})["admitted"] == {UNCERTAIN_TASK: 0}


def call_every_route(dev: IamStage) -> None:
    wait_in_every_way(dev, "by-hand")
    running = dev.claim(dev.start("by-hand-running"))
    inside = dev.claim(dev.start("by-hand-inside"), "running")
    stuck = dev.claim(dev.start("by-hand-stuck"), "stuck", attempt="9")
    dev.spool("{not to be read", dev.names.stuck)
    calls = [
        request("GET", "/"),
        request("GET", "/console/{file}", file="style.css"),
        request("GET", "/openapi.json"),
        request("GET", "/status"),
        request("GET", "/jobs"),
        request("GET", "/jobs/groups"),
        request("GET", "/jobs/{key}", key=stuck),
        request("POST", "/replay", {"key": "none such"}),
        request("POST", "/replay", {"max": 100, "dry_run": True}),
        request("POST", "/replay", {"max": 100}),
        request("GET", "/replays"),
        request("GET", "/replays/{id}", id=dev.cut_short()),
        request("GET", "/incidents"),
        request("GET", "/incidents/{id}", id=dev.incident()),
        request("POST", "/replays/{id}/stop", {"reason": "not yet"}, id=dev.cut_short()),
        request("POST", "/jobs/{key}/replay", {}, key=stuck),
        request("POST", "/jobs/{key}/give-up", {"reason": "nobody wants it"}, key=running),
        request("POST", "/jobs/{key}/give-up", {"reason": "nobody wants it"}, key=inside),
        request("PUT", "/tasks/{task}/limit", {"limit": 3}, task=UNCERTAIN_TASK),
        request("PUT", "/tasks/{task}/limit", {"limit": 3}, task="Another"),
        request("PUT", "/tasks/{task}/gate", {"open": True}, task=UNCERTAIN_TASK),
    ]
    switch = request("PUT", "/trigger", {"enabled": True})
    routes = {one["requestContext"]["resourcePath"] for one in (*calls, switch)}
    assert routes == set(app.app.routes)
    with dev.process("api_handler", RECOVERY="ramp") as invoke:
        answers = [invoke(event) for event in calls]
        hand_over(dev)
    assert [
        (one["statusCode"], one["body"][:200]) for one in answers if one["statusCode"] != 200
    ] == []
    assert '"trigger":"missing"' in answers[3]["body"], "looked for, and not there on moto"


def tell_who_calls(dev: IamStage) -> None:
    named = NamedTokens(dev.session.client("dynamodb"), dev.names.table, SystemTime().now)
    kims = named.create("kim", Kind.READ)
    with dev.process("authorizer") as invoke:
        assert invoke(asking(TOKEN))["principalId"] == "console"
        assert invoke(asking(kims))["principalId"] == "kim"


def asking(token: str) -> dict[str, str]:
    path = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a/api/GET/status"
    return {"type": "TOKEN", "methodArn": path, "authorizationToken": f"Bearer {token}"}


@contextmanager
def a_job_of_a_machine_listed_no_more(dev: IamStage) -> Iterator[str]:
    """Its job waits among the others, and nobody may do anything with it but read it."""
    execution = arn("states", "execution:billing:left-behind")
    now = SystemTime().now().isoformat()
    key = dev.claim(execution, deadAt=LONG_AGO, notedAt=now)
    yield key
    pk = {"pk": {"S": job_pk(key, "billing")}}
    with disable_iam_authentication():
        dev.session.client("dynamodb").delete_item(TableName=dev.names.table, Key=pk)


def sweep_past_it(dev: IamStage) -> None:
    with a_job_of_a_machine_listed_no_more(dev), dev.process("reprocess") as invoke:
        assert invoke({"sweep": True})["refused"] == []


def count_it(dev: IamStage) -> None:
    with a_job_of_a_machine_listed_no_more(dev), dev.process("admit") as invoke:
        dev.incident()
        invoke({})


def list_it(dev: IamStage) -> None:
    with a_job_of_a_machine_listed_no_more(dev) as key, dev.process("api_handler") as invoke:
        answer = invoke(request("GET", "/jobs"))
    assert (answer["statusCode"], key in answer["body"]) == (200, True)


SWITCH = Call(
    "lambda:UpdateEventSourceMapping",
    arn("lambda", "event-source-mapping:1-2-3"),
    frozenset({("lambda:FunctionArn", arn("lambda", "function:respool-dev-reprocess"))}),
)
"""What PUT /trigger calls where there is a mapping; moto has none here."""
JOBS = {
    "uncertain_task": [work],
    "error_spool": [spool_jobs],
    "reprocess": [replay_jobs, take_what_sqs_delivers, sweep_and_ramp, sweep_past_it],
    "admit": [admit_jobs, count_it],
    "api_handler": [call_every_route, list_it],
    "authorizer": [tell_who_calls],
}


@pytest.fixture(scope="module")
def needed(dev: IamStage, moto: Needed) -> dict[str, set[Call]]:
    """What each Lambda's role is asked for: by its handler at work, and by AWS itself."""
    moto.denied.clear()  # a test before may have been denied on purpose
    for jobs in JOBS.values():
        for job in jobs:
            job(dev)
    assert moto.denied == {}, "an engine goes on where it is denied something, and so hides it"
    return {
        function: moto[dev.role(function)]
        | set(dev.deployed.by_services(function))
        | ({SWITCH} if function == "api_handler" else set())
        for function in FUNCTIONS
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_lambda_does_all_its_jobs_with_its_own_role(
    dev: IamStage, needed: dict[str, set[Call]], function: str
) -> None:
    policy = dev.deployed.of_function(function)

    assert [call for call in needed[function] if not allows([policy], call)] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_whatever_is_taken_from_a_policy_stops_a_job(
    dev: IamStage, needed: dict[str, set[Call]], function: str
) -> None:
    idle = [
        lacking
        for lacking, policy in narrowed(dev.deployed.of_function(function))
        if all(allows([policy], call) for call in needed[function])
    ]
    assert idle == []


@pytest.mark.parametrize("other", ["prod", "dev2", "dev-2", "dev-spool", "de", "x-dev", "dev-"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_call_is_allowed_on_another_stage_however_alike_its_name(
    dev: IamStage, needed: dict[str, set[Call]], function: str, other: str
) -> None:
    policy = dev.deployed.of_function(function)
    theirs = f"respool-{other}"
    abroad = [
        replace(
            call,
            resource=call.resource.replace("respool-dev", theirs),
            context=frozenset((k, v.replace("respool-dev", theirs)) for k, v in call.context),
        )
        for call in needed[function]
        if call.resource != "*"
    ]

    assert abroad
    assert [call for call in abroad if allows([policy], call)] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_another_stage_has_is_out_of_reach(
    dev: IamStage, prod: IamStage, function: str
) -> None:
    prod.spool(Record(key="theirs", input={"key": "theirs"}))
    theirs = AwsWorld(prod.names, dev.assumed(function))
    attempts: list[Callable[[], Any]] = [
        theirs.spool.depth,
        lambda: theirs.stuck.send("x"),
        lambda: theirs.claims.get("job#theirs"),
        lambda: list(theirs.claims.waiting(State.PARKED, UNCERTAIN_TASK)),
        lambda: theirs.line.set_limit(UNCERTAIN_TASK, 0, "dev", "", LONG_AGO),
        lambda: theirs.workflow.start("theirs", "{}"),
        lambda: theirs.workflow.resume(prod.token()),
        lambda: list(theirs.workflow.list(Status.RUNNING)),
        lambda: theirs.tokens.caller("Bearer x"),
    ]
    with enable_iam_authentication():
        for attempt in attempts:
            with pytest.raises(AwsError, match="not authorized"):
                attempt()


def test_the_authorizer_reads_tokens_and_no_jobs(dev: IamStage) -> None:
    ours = AwsWorld(dev.names, dev.assumed("authorizer"))
    with enable_iam_authentication():
        assert ours.named_tokens.find("rsp_" + "n" * 43) is None
        with pytest.raises(AwsError, match="not authorized"):
            ours.claims.get("job#12345")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_lambda_writes_tokens_and_only_the_authorizer_reads_them(
    dev: IamStage, function: str
) -> None:
    policy = dev.deployed.of_function(function)
    table = arn("dynamodb", f"table/{dev.names.table}")
    token = frozenset({("dynamodb:LeadingKeys", "token#abc")})
    actions = ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Scan")

    may = [a for a in actions if allows([policy], Call(f"dynamodb:{a}", table, token))]

    assert may == (["GetItem"] if function == "authorizer" else [])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_admit_reads_the_stream(dev: IamStage, function: str) -> None:
    stream = arn("dynamodb", f"table/{dev.names.table}/stream/2026-11-24T00:00:00.000")
    reads = Call("dynamodb:GetRecords", stream)

    assert allows([dev.deployed.of_function(function)], reads) == (function == "admit")
