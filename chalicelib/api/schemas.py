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
    name=text("The error's name, as Step Functions tells it"),
    message=text("What was said, 1,000 characters at most"),
)
REVISION = text("Changes whenever a job or a task changes; the same in all answers of one look")
_RAMP = shape(
    "What the ramp does; null where RECOVERY is off",
    says=text("A sentence for people, with times in UTC"),
    code=text("Which sentence it is", enum=list(SENTENCES)),
    values=mapping("What stands in the sentence"),
    times=mapping(f"The times in it; {_TIME}"),
    step=whole("How many jobs the next step is", 1),
    next=maybe(text(f"When it acts next; null: at the next tick; {_TIME}")),
)
_JOB: dict[str, Schema] = {
    "key": text("Its key"),
    "id": text("Its key as it stands in a path"),
    "state": STATE,
    "task": text("The task that it is in, or waits for"),
    "machine": text("The state machine whose job it is"),
    "error": ERROR,
    "attempt": whole("How often it has failed"),
    "started_at": maybe(text(f"When its first execution started; {_TIME}")),
    "since": maybe(text(f"Since when it stands like this; {_TIME}")),
    "first_failed_at": maybe(text(_TIME)),
    "failed_at": maybe(text(f"When it failed last; {_TIME}")),
    "dead_at": maybe(text(f"When its execution died; a replay redrives or restarts it; {_TIME}")),
    "ended_at": maybe(text(_TIME)),
    "execution": text("The ARN of its execution"),
    "link": maybe(text("Where AWS's console shows the execution")),
}

_TRIGGER: dict[str, Schema] = {
    "trigger": text("Whether jobs are put back as they come: `disabled` by default"),
    "trigger_by": maybe(text("Who switched it last; null: nobody knows")),
    "trigger_why": maybe(text("The reason given; may be empty")),
    "trigger_at": maybe(text(_TIME)),
}
_MACHINE = text("Whose it is, where that is a listed machine; else left out")
_REFUSED_JOB = shape(
    "A job that could not be put back", key=text("Which"), reason=text("Why"), machine=_MACHINE
) | {"required": ["key", "reason"]}
_REPLAY: dict[str, Schema] = {
    "id": text("Its id"),
    "kind": text("Who puts jobs back", enum=[each.value for each in Kind]),
    "by": text("A token's name, or the person at the command line"),
    "reason": text("The reason given; may be empty"),
    "asked": mapping("What was asked for, as it was given; of `keys` their number")
    | {"additionalProperties": {"type": ["string", "number", "boolean"]}},
    "wanted": whole("How many jobs were asked for"),
    "state": text("How far it is", enum=[each.value for each in Course]),
    "started_at": text(_TIME),
    "ended_at": maybe(text(f"Null: the server goes on with it; {_TIME}")),
    "stopped_by": maybe(text("Who stopped it")),
    "stopped_at": maybe(text(_TIME)),
    "put_back": whole("Jobs put back so far"),
    "stale": whole("Jobs that had gone on or ended already"),
    "refused": whole("Jobs that could not be put back"),
    "failed": many(
        _REFUSED_JOB,
        "The first of them",
    ),
    "outcomes": mapping("How many of the jobs put back came to what; what none came to is left out")
    | {"additionalProperties": {"type": "integer"}},
    "counted_at": maybe(text(f"As of when the outcomes are; null: nobody has counted; {_TIME}")),
}
_INCIDENT: dict[str, Schema] = {
    "id": text("Its id"),
    "task": text("Whose trouble it is"),
    "over": flag("Whether it has ended"),
    "since": text(f"The first failure; {_TIME}"),
    "noticed_at": text(f"When it was seen first; {_TIME}"),
    "over_at": maybe(text(_TIME)),
    "counted_at": text(f"As of when the figures are; {_TIME}"),
    "jobs": whole("Jobs that failed"),
    "failures": whole("How often they failed, all together"),
    "failed_again": whole("Failures that were not a job's first"),
    "ended": whole("Of those jobs, how many have finished or were given up"),
    "waiting": shape(
        "Jobs that wait, by how, and those inside again",
        parked=whole("To be put back"),
        stuck=whole("Failed too often for unattended replay"),
        line=whole("In line after a failure"),
        untried=whole("In line, never tried"),
        inside=whole("In the task again"),
    ),
    "most": shape("The most at once", failed=whole("That failed"), untried=whole("Not tried")),
    "near_loss": whole("Jobs whose execution ends, or is forgotten, within 14 days"),
    "whole": flag("False: more jobs wait than were read, and the figures are lower bounds"),
    "calls": shape(
        "Calls on the service",
        hourly_retry=whole("That retrying each waiting job every hour would have made, at least"),
        again=whole("That failed again"),
        spared=whole("The difference"),
    ),
    "dollars": {"type": "number", "description": "What the failures and replays cost, us-east-1"},
    "gate": shape(
        "The task's gate",
        open=flag("Whether it takes jobs"),
        by=text("Who closed it"),
        why=text("Why"),
        since=maybe(text(_TIME)),
        until=maybe(text(_TIME)),
    ),
    "said": many(
        shape(
            "An error",
            name=text("Its name"),
            message=text("One message as it came, 300 characters at most"),
            jobs=whole("Of how many of the jobs that failed last"),
        ),
        "What the jobs said that failed last",
    ),
    "news": many(
        shape("What people are told of", at=text(_TIME), what=text("What", enum=_NEWS)),
        "In order",
    ),
}
SCHEMAS: dict[str, Schema] = {
    "Problem": shape("Why it was refused", error=text("What happened, to what, and what would do")),
    "Status": shape(
        "The stage at a glance; some seconds old",
        stage=text("The prefix of the stage's names"),
        machines=many(text("A state machine's name"), "Those that it serves, its own first"),
        at=text(f"When this was so; {_TIME}"),
        jobs=shape(
            "Jobs by state",
            running=whole("In a task"),
            line=whole("In line for a slot, or for the gate to open"),
            parked=whole("Failed, and waiting to be put back"),
            stuck=whole("Failed too often for unattended replay"),
        ),
        spooled=whole("Messages on the spool, about; no number of jobs"),
        stuck=whole("Messages that can't be used as jobs, about"),
        **_TRIGGER,
        oldest_failure=maybe(
            shape("Of the parked and stuck jobs", at=text(_TIME), age=whole("In seconds"))
        ),
        tasks=many(ref("Task"), "Every task that is known"),
        schedule=maybe(
            shape(
                "The unattended replay",
                expression=text("cron(...) or rate(...)"),
                timezone=text("IANA"),
                max=whole("Jobs at once", 1),
            )
        ),
        next_loss=maybe(
            shape(
                "The first job whose execution Step Functions ends or forgets within two weeks",
                at=text(_TIME),
                key=text("Which job"),
                id=text("Its key as it stands in a path"),
                why=text(
                    "It ends a year after its start, or a dead one is forgotten, or a watched"
                    " machine's is not redriven any more",
                    enum=["year", "forgotten", "redrive"],
                ),
            )
        ),
        complete=flag("False: more jobs wait than the numbers say"),
        revision=REVISION,
        caller=shape(
            "Who asks",
            name=text("The token's name"),
            kind=text("What it is good for", enum=["full", "read"]),
        ),
    ),
    "Task": shape(
        "A task that calls a downstream service",
        task=text("Its name"),
        inside=whole("Jobs that have a slot now"),
        limit=whole("How many may have one at once"),
        waiting=whole("Jobs in line"),
        waiting_since=maybe(text(f"Since when the first of them waits; {_TIME}")),
        parked=whole("Jobs that failed in it and wait to be put back"),
        stuck=whole("Those of them that failed too often for unattended replay"),
        gate=shape(
            "Whether it takes jobs; closed, the others are told as far as they are known",
            open=flag("Whether it takes jobs"),
            by=maybe(text("Who closed it: a name, `window`, `failures`, `service`, `ramp`")),
            why=maybe(text("The reason given")),
            since=maybe(text(_TIME)),
            until=maybe(text(f"When it opens by itself; null: when somebody opens it; {_TIME}")),
        ),
        failed=maybe(
            whole(
                "Jobs that failed and wait at a closed gate; null: it is open, or the line too long"
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
        execution_status=text(
            "How Step Functions says that its execution stands, in small letters"
        ),
        logs=maybe(text("Where AWS's console lists the stage's log groups")),
        predecessor=maybe(text("The dead execution that it was restarted from")),
        attempts=many(
            shape("A failure", at=text(_TIME), state=text("Where"), error=text("What was said")),
            "Its failures, as far as the history tells",
        ),
        history=many(
            shape(
                "What happened",
                at=text(_TIME),
                code=text("Which sentence it is"),
                values=mapping("What stands in the sentence"),
                what=text("The sentence"),
            ),
            "The oldest first",
        ),
        history_whole=flag("False: earlier steps are left out, or forgotten"),
        replays=many(
            shape(
                "A replay that put it back",
                id=text("Its id"),
                kind=text("Who puts jobs back", enum=[each.value for each in Kind]),
                by=text("A name"),
                reason=text("The reason given; may be empty"),
                at=text(f"When the replay began; {_TIME}"),
            ),
            "The newest first",
        ),
        replays_whole=flag("False: only the last replays of the stage were looked through"),
        input=maybe(text("The JSON text that it was started with; only for full tokens")),
    ),
    "Jobs": shape(
        "One page of jobs, the oldest first: by the start of their first execution, then by key",
        jobs=many(ref("Job"), "The page"),
        total=maybe(whole("How many there are on all pages; null: nobody has counted them")),
        cursor=maybe(text("Asks for the next page; null on the last")),
        revision=REVISION,
    ),
    "Groups": shape(
        "Parked and stuck jobs, counted",
        groups=many(
            shape(
                "Jobs that failed alike",
                machine=text("In which state machine"),
                task=text("Where"),
                error=text("The error's name"),
                state=text("How they stand", enum=["parked", "stuck"]),
                count=whole("How many", 1),
                oldest=text(f"The first failure; {_TIME}"),
                newest=text(f"The latest failure; {_TIME}"),
                messages=many(
                    shape(
                        "Messages alike", message=text("One of them"), count=whole("How many", 1)
                    ),
                    "The most frequent first; numbers, ids and hosts make no difference",
                ),
                kinds=whole("How many different messages there are among those looked at"),
                looked_at=whole("How many messages were looked at"),
            ),
            "The largest first, 50 at most",
        ),
        others=shape("What is left out", groups=whole("Groups"), count=whole("Jobs in them")),
        read=whole("How many jobs were grouped, the oldest"),
        complete=flag("Whether these are all that wait so"),
        revision=REVISION,
    ),
    "Replay": shape(
        "What a replay did, or with `dry_run` would do",
        replayed=whole("Jobs put back"),
        resumed=whole("... where they stopped"),
        restarted=whole("... from the beginning, as their execution was gone"),
        stale=whole("Jobs that had gone on or ended already"),
        failed=many(
            _REFUSED_JOB,
            "As many as fit into an answer",
        ),
        remaining=maybe(whole("Jobs that match and still wait")),
        more=flag("Time ran out first: it goes on by itself, as GET /replays/{id} tells"),
        id=text("The kept replay's id"),
        in_line=whole("... into line, as their task is full or closed"),
        passes=whole("... of them on a pass, through a closed gate"),
        held=many(
            shape("A closed gate", task=text("Whose"), reason=text("Why")),
            "Tasks from which nothing was taken",
        ),
        unnamed=whole("Jobs that failed, or of the plan, whose names did not fit"),
        dry_run=flag("Nothing was changed"),
        estimate=shape(
            "What it would come to, by how the last jobs went; only in a dry run. Null: unknown",
            jobs=whole("Jobs that would be put back"),
            seconds=maybe(whole("Until the last of them has ended")),
            finish_at=maybe(text(f"When that is; {_TIME}")),
            transitions=maybe(whole("State transitions, where none fails again")),
            dollars=maybe({"type": "number", "description": "Their price in us-east-1"}),
            calls_per_hour=maybe(whole("Calls on the service in the busiest hour")),
            stuck_if_failed=whole("Jobs of which unattended replays leave off if they fail again"),
        ),
        plan=many(
            shape(
                "One job",
                id=text("Which, as a path has it"),
                key=text("Its key"),
                machine=_MACHINE,
                action=text("What"),
                reason=text("Why"),
            )
            | {"required": ["id", "key", "action", "reason"]},
            "Each job that was looked at; only in a dry run",
        ),
    ),
    "KeptReplay": shape("One replay", **_REPLAY),
    "Replays": shape(
        "A page of replays, the newest first",
        replays=many(ref("KeptReplay"), "The page"),
        cursor=maybe(text("Asks for the next page; null on the last")),
    ),
    "ReplayInFull": shape(
        "One replay with its jobs",
        **_REPLAY,
        jobs=many(
            shape(
                "A job that it chose",
                key=text("Which"),
                id=text("Its key in a path"),
                attempt=whole("Its failures when it was chosen"),
                outcome=text("What became of it", enum=[each.value for each in Outcome]),
            ),
            "In the order in which it chose them",
        ),
        cursor=maybe(text("Asks for the next page; null on the last")),
    ),
    "Incidents": shape(
        "A page of incidents, the newest first",
        incidents=many(shape("One incident", **_INCIDENT), "The page"),
        days=many(
            shape(
                "A day",
                day=text("Its date, UTC"),
                failed=whole("The most failed jobs waiting at once"),
                untried=whole("The most untried jobs in line at once"),
                failures=whole("Failures"),
                ended=whole("Failed jobs that have ended"),
            ),
            "The stage's last fortnight, the oldest day first",
        ),
        cursor=maybe(text("Asks for the next page; null on the last")),
    ),
    "IncidentInFull": shape(
        "One incident with its course",
        **_INCIDENT,
        changes=many(
            shape(
                "What the gate or the ramp did",
                at=text(_TIME),
                what=text("gate-closed, gate-opened, or a step's verdict"),
                by=text("Who"),
                why=text("Why"),
                jobs=whole("Jobs of the step"),
            ),
            "In order",
        ),
        changes_left_out=whole("Changes in the middle that are not told"),
        curve=many(
            shape(
                "How it stood",
                at=text(_TIME),
                failed=whole("Failed jobs that waited"),
                untried=whole("Untried jobs in line"),
                failures=whole("Failures by then"),
                ended=whole("Failed jobs that had ended by then"),
            ),
            "240 points at most",
        ),
        replays=many(ref("KeptReplay"), "The replays within it, the oldest first"),
    ),
    "Trigger": shape("The trigger on the spool", **_TRIGGER),
    "GivenUp": shape(
        "How a job has ended that was to be given up",
        key=text("Which"),
        given_up=flag("False: it had ended otherwise before"),
        state=STATE,
        ended_at=maybe(text(_TIME)),
    ),
}
SCHEMAS["Replay"]["required"] = SCHEMAS["Replay"]["required"][:7]
"""The others are there only where there is something to say."""
