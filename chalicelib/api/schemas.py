"""What the API's answers look like, in JSON Schema: the schemas of the OpenAPI document."""

from typing import Any

from chalicelib.gate.ramp.describe import SENTENCES
from chalicelib.job.incident import What
from chalicelib.job.replay import Course, Kind, Outcome

Schema = dict[str, Any]


def shape(about: str, **properties: Schema) -> Schema:
    """An object that has all of these properties and no others."""
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def text(about: str, **more: Any) -> Schema:
    """A string."""
    return {"type": "string", "description": about, **more}


def whole(about: str, minimum: int = 0, **more: Any) -> Schema:
    """A whole number, never less than `minimum`."""
    return {"type": "integer", "minimum": minimum, "description": about, **more}


def flag(about: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": about}


def many(items: Schema, about: str) -> Schema:
    """An array."""
    return {"type": "array", "items": items, "description": about}


def mapping(about: str) -> Schema:
    """An object of strings by name."""
    return {"type": "object", "additionalProperties": {"type": "string"}, "description": about}


def maybe(schema: Schema) -> Schema:
    """A schema that allows null as well."""
    if "$ref" in schema or "oneOf" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def ref(name: str) -> Schema:
    """A reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


_TIME = "ISO 8601, UTC"
_NEWS = [each.value for each in What]
WAITING_STATES = ["line", "parked", "stuck"]
LISTED_STATES = ["running", *WAITING_STATES]
ENDED_STATES = ["finished", "failed", "given-up", "aborted"]
LISTED = text("How the job stands", enum=LISTED_STATES)
STATE = text("How the job stands, or has ended", enum=[*LISTED_STATES, *ENDED_STATES])
ERROR = shape(
    "Why the job failed last; empty where it never has",
    name=text("The error's name, as Step Functions reports it"),
    message=text("The error's message, at most 1,000 characters"),
)
REVISION = text("Changes whenever a job or a task changes; equal in answers from one reading")
_RAMP = shape(
    "What the ramp is doing; null where RECOVERY is off",
    says=text("A sentence for people, with times in UTC"),
    code=text("Which sentence it is", enum=list(SENTENCES)),
    values=mapping("The values in the sentence"),
    times=mapping(f"The times in it; {_TIME}"),
    step=whole("Jobs that the next step lets go on", 1),
    next=maybe(text(f"When the ramp acts next; null: at its next tick; {_TIME}")),
)
_JOB: dict[str, Schema] = {
    "key": text("The job's key"),
    "id": text("The job's id, as paths have it"),
    "state": STATE,
    "task": text("The task that the job is in, or waits for"),
    "machine": text("The state machine whose job it is"),
    "error": ERROR,
    "attempt": whole("How often the job has failed"),
    "started_at": maybe(text(f"When the job's first execution started; {_TIME}")),
    "since": maybe(text(f"Since when the job is in this state; {_TIME}")),
    "first_failed_at": maybe(text(f"When the job failed first; {_TIME}")),
    "failed_at": maybe(text(f"When the job failed last; {_TIME}")),
    "dead_at": maybe(
        text(f"When its execution died, which a replay redrives or restarts; {_TIME}")
    ),
    "ended_at": maybe(text(_TIME)),
    "execution": text("The ARN of the job's execution"),
    "link": maybe(text("The execution's address in AWS's console")),
}

_TRIGGER: dict[str, Schema] = {
    "trigger": text("Whether jobs are put back as they come: `disabled` by default"),
    "trigger_by": maybe(text("Who switched it last; null: that is not recorded")),
    "trigger_why": maybe(text("The reason given; may be empty")),
    "trigger_at": maybe(text(_TIME)),
}
_MACHINE = text("The listed machine whose job it is; left out for the stage's own")
_REFUSED_JOB = shape(
    "A job that could not be put back",
    key=text("The job's key"),
    reason=text("Why not"),
    machine=_MACHINE,
) | {"required": ["key", "reason"]}
_REPLAY: dict[str, Schema] = {
    "id": text("The replay's id"),
    "kind": text("Who puts jobs back", enum=[each.value for each in Kind]),
    "by": text("A token's name, or the person at the command line"),
    "reason": text("The reason given; may be empty"),
    "asked": mapping("What was asked for, as it was given; of `keys` their number")
    | {"additionalProperties": {"type": ["string", "number", "boolean"]}},
    "wanted": whole("How many jobs were asked for"),
    "state": text("Whether it runs, is done or was stopped", enum=[each.value for each in Course]),
    "started_at": text(_TIME),
    "ended_at": maybe(text(f"When it ended; null: it is still running; {_TIME}")),
    "stopped_by": maybe(text("Who stopped it")),
    "stopped_at": maybe(text(_TIME)),
    "put_back": whole("Jobs put back so far"),
    "stale": whole("Jobs that had gone on or ended already"),
    "refused": whole("Jobs that could not be put back"),
    "failed": many(
        _REFUSED_JOB,
        "The first of the jobs that could not be put back",
    ),
    "outcomes": mapping(
        "How many of the jobs put back had each outcome; those without any are left out"
    )
    | {"additionalProperties": {"type": "integer"}},
    "counted_at": maybe(text(f"When the outcomes were counted; null: not yet; {_TIME}")),
}
_INCIDENT: dict[str, Schema] = {
    "id": text("The incident's id"),
    "task": text("The task that has the trouble"),
    "machines": many(
        shape(
            "A state machine whose jobs failed",
            machine=text("Its name"),
            failed=whole("The most of its failed jobs that waited at once"),
        ),
        "One is the rule; several share a task by its name",
    ),
    "over": flag("Whether it has ended"),
    "since": text(f"When the first failure was; {_TIME}"),
    "noticed_at": text(f"When the incident was noticed; {_TIME}"),
    "over_at": maybe(text(_TIME)),
    "counted_at": text(f"When the figures were counted; {_TIME}"),
    "jobs": whole("Jobs that failed"),
    "failures": whole("Failures of these jobs, in all"),
    "failed_again": whole("Failures that were not a job's first"),
    "ended": whole("Jobs, of those that failed, that have finished or were given up"),
    "waiting": shape(
        "Jobs that wait, by state, and those inside the task again",
        parked=whole("Jobs waiting for a replay"),
        stuck=whole("Jobs that failed too often for unattended replay"),
        line=whole("Jobs in line after a failure"),
        untried=whole("Jobs in line that were never tried"),
        inside=whole("Jobs inside the task again"),
    ),
    "most": shape(
        "The most jobs that waited at once",
        failed=whole("Jobs that had failed"),
        untried=whole("Jobs that were never tried"),
    ),
    "near_loss": whole("Jobs whose execution ends, or is forgotten, within 14 days"),
    "whole": flag("False: more jobs wait than were read, and the figures are lower bounds"),
    "calls": shape(
        "Calls on the service",
        hourly_retry=whole(
            "Calls that an hourly retry of each waiting job would have made, at least"
        ),
        again=whole("Calls that failed again"),
        spared=whole("The difference of the two"),
    ),
    "dollars": {"type": "number", "description": "What the failures and replays cost, us-east-1"},
    "gate": shape(
        "The task's gate",
        open=flag("Whether it takes jobs"),
        by=text("Who closed it"),
        why=text("Why it is closed"),
        since=maybe(text(_TIME)),
        until=maybe(text(_TIME)),
    ),
    "said": many(
        shape(
            "An error",
            name=text("The error's name"),
            message=text("One of its messages, at most 300 characters"),
            jobs=whole("How many of the jobs that failed last had it"),
        ),
        "The errors of the jobs that failed last",
    ),
    "news": many(
        shape("A piece of news", at=text(_TIME), what=text("What happened", enum=_NEWS)),
        "What people are told of, in order",
    ),
}
SCHEMAS: dict[str, Schema] = {
    "Problem": shape("Why it was refused", error=text("What happened, to what, and how to fix it")),
    "Status": shape(
        "An overview of the stage; it may be some seconds old",
        stage=text("The prefix of the stage's names"),
        machines=many(text("A state machine's name"), "Those that the stage serves, its own first"),
        at=text(f"When this was read; {_TIME}"),
        jobs=shape(
            "Jobs by state",
            running=whole("Jobs inside a task"),
            line=whole("Jobs in line for a slot, or for the gate to open"),
            parked=whole("Jobs that failed and wait to be put back"),
            stuck=whole("Jobs that failed too often for unattended replay"),
        ),
        spooled=whole("Messages on the spool, about; not a number of jobs"),
        stuck=whole("Messages that can't be used as jobs, about"),
        **_TRIGGER,
        oldest_failure=maybe(
            shape(
                "The oldest failure of the parked and stuck jobs",
                at=text(_TIME),
                age=whole("Seconds since then"),
            )
        ),
        tasks=many(ref("Task"), "The stage's tasks"),
        schedule=maybe(
            shape(
                "The unattended replay",
                expression=text("cron(...) or rate(...)"),
                timezone=text("The IANA time zone"),
                max=whole("Jobs that one run puts back, at most", 1),
            )
        ),
        next_loss=maybe(
            shape(
                "The first job whose execution Step Functions ends or forgets within two weeks",
                at=text(_TIME),
                key=text("The job's key"),
                id=text("The job's id, as paths have it"),
                why=text(
                    "It ends a year after its start; or a dead one is forgotten; or a watched"
                    " machine's can't be redriven any more",
                    enum=["year", "forgotten", "redrive"],
                ),
            )
        ),
        complete=flag("False: more jobs wait than the numbers say"),
        revision=REVISION,
        caller=shape(
            "Who asks",
            name=text("The token's name"),
            kind=text("What the token allows", enum=["full", "read"]),
        ),
    ),
    "Task": shape(
        "A task that calls a downstream service",
        task=text("The task's name"),
        inside=whole("Jobs that have a slot now"),
        limit=whole("Jobs that may have a slot at once"),
        waiting=whole("Jobs in line"),
        waiting_since=maybe(text(f"Since when the first job in line waits; {_TIME}")),
        parked=whole("Jobs that failed in it and wait to be put back"),
        stuck=whole("Jobs that failed in it too often for unattended replay"),
        gate=shape(
            "The task's gate; who closed it, why and until when, as far as that is known",
            open=flag("Whether it takes jobs"),
            by=maybe(text("Who closed it: a name, `window`, `failures`, `service`, `ramp`")),
            why=maybe(text("The reason given")),
            since=maybe(text(_TIME)),
            until=maybe(text(f"When it opens by itself; null: a person has to open it; {_TIME}")),
        ),
        failed=maybe(
            whole(
                "Failed jobs that wait at the closed gate; null: it is open, or the line too long"
            )
        ),
        untried=maybe(whole("Jobs in line at a closed gate that never failed; null as before")),
        default_limit=whole("The stage's setting"),
        limit_by=maybe(text("Who set the limit")),
        limit_why=maybe(text("The reason given")),
        limit_at=maybe(text(_TIME)),
        ramp=maybe(_RAMP),
    ),
    "Job": shape("One job", **_JOB),
    "JobInFull": shape(
        "One job with its history",
        **_JOB,
        execution_status=text("The execution's status in Step Functions, in small letters"),
        logs=maybe(text("Where AWS's console lists the stage's log groups")),
        predecessor=maybe(text("The dead execution that it was restarted from")),
        attempts=many(
            shape(
                "A failure",
                at=text(_TIME),
                state=text("The state that failed"),
                error=text("The error's name and message"),
            ),
            "The job's failures, as far as the history has them",
        ),
        history=many(
            shape(
                "What happened",
                at=text(_TIME),
                code=text("Which sentence it is"),
                values=mapping("The values in the sentence"),
                what=text("The sentence"),
            ),
            "The oldest first",
        ),
        history_whole=flag("False: earlier steps are left out, or forgotten"),
        replays=many(
            shape(
                "A replay that put the job back",
                id=text("The replay's id"),
                kind=text("Who puts jobs back", enum=[each.value for each in Kind]),
                by=text("A token's name, or the person at the command line"),
                reason=text("The reason given; may be empty"),
                at=text(f"When the replay began; {_TIME}"),
            ),
            "The newest first",
        ),
        replays_whole=flag("False: only the stage's latest replays were searched"),
        input=maybe(text("The JSON text that it was started with; only for full tokens")),
    ),
    "Jobs": shape(
        "One page of jobs, the oldest first: by the start of their first execution, then by key",
        jobs=many(ref("Job"), "The jobs of the page"),
        total=maybe(whole("Jobs on all pages; null: not counted")),
        cursor=maybe(text("The parameter that asks for the next page; null on the last")),
        revision=REVISION,
    ),
    "Groups": shape(
        "Parked and stuck jobs, counted",
        groups=many(
            shape(
                "Jobs that failed alike",
                machine=text("The state machine in which they failed"),
                task=text("The task in which they failed"),
                error=text("The error's name"),
                state=text("The jobs' state", enum=["parked", "stuck"]),
                count=whole("How many jobs", 1),
                oldest=text(f"When the first failure was; {_TIME}"),
                newest=text(f"When the latest failure was; {_TIME}"),
                messages=many(
                    shape(
                        "Similar messages",
                        message=text("One of them"),
                        count=whole("How many", 1),
                    ),
                    "The most frequent first; similar ones differ in numbers, ids and hosts alone",
                ),
                kinds=whole("How many different messages there are among those looked at"),
                looked_at=whole("How many messages were looked at"),
            ),
            "The largest first, 50 at most",
        ),
        others=shape(
            "What is left out", groups=whole("Groups left out"), count=whole("Jobs in them")
        ),
        read=whole("Jobs that were grouped: the oldest ones"),
        complete=flag("Whether all parked and stuck jobs were grouped"),
        revision=REVISION,
    ),
    "Replay": shape(
        "What a replay did, or with `dry_run` would do",
        replayed=whole("Jobs put back"),
        resumed=whole("Of the jobs put back, those that go on where they stopped"),
        restarted=whole("Of the jobs put back, those started from the beginning, by their input"),
        stale=whole("Jobs that had gone on or ended already"),
        failed=many(_REFUSED_JOB, "Jobs that could not be put back, as many as fit"),
        remaining=maybe(whole("Jobs that match and still wait")),
        more=flag("Time ran out first: it goes on by itself, as GET /replays/{id} tells"),
        id=text("The kept replay's id"),
        in_line=whole("Of the jobs put back, those in line, as their task is full or closed"),
        passes=whole("Of the jobs put back, those on a pass through a closed gate"),
        held=many(
            shape("A closed gate", task=text("The task"), reason=text("Why it is closed")),
            "Tasks from which nothing was taken",
        ),
        unnamed=whole("Jobs of `failed` or `plan` that did not fit into the answer"),
        dry_run=flag("Nothing was changed"),
        estimate=shape(
            "What the replay would take, by how the last jobs went; in a dry run. Null: unknown",
            jobs=whole("Jobs that would be put back"),
            seconds=maybe(whole("Seconds until the last of them has ended")),
            finish_at=maybe(text(f"When the last of them has ended; {_TIME}")),
            transitions=maybe(whole("State transitions, if no job fails again")),
            dollars=maybe({"type": "number", "description": "Their price in us-east-1"}),
            calls_per_hour=maybe(whole("Calls on the service in the busiest hour")),
            stuck_if_failed=whole("Jobs that would be stuck if they failed once more"),
        ),
        plan=many(
            shape(
                "One job",
                id=text("The job's id, as paths have it"),
                key=text("The job's key"),
                machine=_MACHINE,
                action=text("What would be done"),
                reason=text("Why"),
            )
            | {"required": ["id", "key", "action", "reason"]},
            "Each job that was looked at; only in a dry run",
        ),
    ),
    "KeptReplay": shape("One replay", **_REPLAY),
    "Replays": shape(
        "A page of replays, the newest first",
        replays=many(ref("KeptReplay"), "The replays of the page"),
        cursor=maybe(text("The parameter that asks for the next page; null on the last")),
    ),
    "ReplayInFull": shape(
        "One replay with its jobs",
        **_REPLAY,
        jobs=many(
            shape(
                "A job that it chose",
                key=text("The job's key"),
                id=text("The job's id, as paths have it"),
                attempt=whole("How often it had failed when it was chosen"),
                outcome=text("What became of it", enum=[each.value for each in Outcome]),
            ),
            "In the order in which it chose them",
        ),
        cursor=maybe(text("The parameter that asks for the next page; null on the last")),
    ),
    "Incidents": shape(
        "A page of incidents, the newest first",
        incidents=many(shape("One incident", **_INCIDENT), "The incidents of the page"),
        days=many(
            shape(
                "A day",
                day=text("The date, UTC"),
                failed=whole("The most failed jobs waiting at once"),
                untried=whole("The most untried jobs in line at once"),
                failures=whole("Failures on that day"),
                ended=whole("Failed jobs that have ended"),
            ),
            "The stage's last fortnight, the oldest day first",
        ),
        cursor=maybe(text("The parameter that asks for the next page; null on the last")),
    ),
    "IncidentInFull": shape(
        "One incident with its course",
        **_INCIDENT,
        changes=many(
            shape(
                "What the gate or the ramp did",
                at=text(_TIME),
                what=text("gate-closed, gate-opened, or a step's verdict"),
                by=text("Who closed or opened the gate"),
                why=text("Why"),
                jobs=whole("Jobs of the step"),
            ),
            "The changes, in order",
        ),
        changes_left_out=whole("Changes in the middle that are left out"),
        curve=many(
            shape(
                "The figures at one time",
                at=text(_TIME),
                failed=whole("Failed jobs that waited"),
                untried=whole("Untried jobs in line"),
                failures=whole("Failures by then"),
                ended=whole("Failed jobs that had ended by then"),
            ),
            "The curve, of at most 240 points",
        ),
        replays=many(ref("KeptReplay"), "The replays during the incident, the oldest first"),
    ),
    "Trigger": shape("The trigger on the spool", **_TRIGGER),
    "GivenUp": shape(
        "How a job ended that was to be given up",
        key=text("The job's key"),
        given_up=flag("Whether it is given up; false: it had ended otherwise before"),
        state=STATE,
        ended_at=maybe(text(_TIME)),
    ),
}
SCHEMAS["Replay"]["required"] = SCHEMAS["Replay"]["required"][:7]
"""The other properties are left out where there is nothing to report."""
