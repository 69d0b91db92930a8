"""What the API's answers look like, in JSON Schema: the schemas of the OpenAPI document."""

from typing import Any

from chalicelib.gate.ramp.describe import SENTENCES

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
    """The same, or null."""
    if "$ref" in schema or "oneOf" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def ref(name: str) -> Schema:
    """One of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


_TIME = "ISO 8601, UTC"
STATE = text("How the job stands", enum=["running", "parked", "stuck"])
ERROR = shape(
    "Why the job failed; empty where it never has",
    name=text("The error's name"),
    message=text("What was said, 1,000 characters at most"),
)
REVISION = text("Changes whenever a job or a task changes; the same in all answers of one look")
COMPLETE = flag("False where the table was too large to be read in time")

SCHEMAS: dict[str, Schema] = {
    "Problem": shape("Why it was refused", error=text("What happened, to what, and what would do")),
    "Status": {
        **shape(
            "The stage at a glance; some seconds old",
            stage=text("The prefix of the stage's names"),
            at=text(f"When this was so; {_TIME}"),
            jobs=shape(
                "Jobs by state",
                running=whole("Under way"),
                parked=whole("Parked, to be put back"),
                stuck=whole("Failed too often for unattended replay"),
            ),
            spooled=whole("Messages on the spool, about"),
            stuck=whole("Messages on the stuck queue, about"),
            trigger=text("Whether jobs are put back as they come: `disabled` by default"),
            oldest_failure=maybe(
                shape("Of a waiting job", at=text(_TIME), age=whole("In seconds"))
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
                    "The first job that would be lost if nobody acted",
                    at=text(_TIME),
                    key=text("Which job"),
                    why=text("What ends then", enum=["message", "execution"]),
                )
            ),
            complete=COMPLETE,
            revision=REVISION,
            caller=shape(
                "Who asks",
                name=text("The token's name"),
                kind=text("What it is good for", enum=["full", "read"]),
            ),
            since=shape(
                "What became of the jobs that waited at `since`; only where that is asked for."
                " Those that waited then and are not counted here have finished.",
                at=text(_TIME),
                waiting=whole("Still waiting"),
                running=whole("Put back since and under way"),
                failed_again=whole("Put back since and waiting again"),
            ),
        ),
    },
    "Task": shape(
        "A task that calls a downstream service",
        task=text("Its name"),
        inside=whole("Jobs inside it now"),
        limit=whole("How many may be inside at once; 0 is a hold"),
        default_limit=whole("The stage's setting"),
        own_limit=flag("Whether somebody set the limit"),
        ramp=maybe(
            shape(
                "What the ramp does; null where RECOVERY is off",
                says=text("A sentence for people, with times in UTC"),
                code=text("Which sentence it is", enum=list(SENTENCES)),
                values=mapping("What stands in the sentence"),
                times=mapping(f"The times in it; {_TIME}"),
                step=whole("How many jobs the next step is", 1),
                next=maybe(text(f"When it acts next; null: at the next tick; {_TIME}")),
            )
        ),
    ),
    "Job": shape(
        "One job",
        key=text("Its key"),
        id=text("Its key as it stands in a path"),
        state=STATE,
        task=text("The task where it failed"),
        error=ERROR,
        attempt=whole("How often it has failed"),
        started_at=maybe(text(_TIME)),
        first_failed_at=maybe(text(_TIME)),
        last_failed_at=maybe(text(_TIME)),
        resumed_at=maybe(text(_TIME)),
        stuck_at=maybe(text(_TIME)),
        execution=text("The ARN of its execution"),
        link=maybe(text("Where AWS's console shows the execution")),
    ),
    "Jobs": shape(
        "One page of jobs, the longest waiting first",
        jobs=many(ref("Job"), "The page"),
        total=whole("How many there are on all pages"),
        cursor=maybe(text("Asks for the next page; null on the last")),
        complete=COMPLETE,
        revision=REVISION,
    ),
    "Groups": shape(
        "Waiting jobs, counted",
        groups=many(
            shape(
                "Jobs that failed alike",
                task=text("Where"),
                error=text("The error's name"),
                state=STATE,
                count=whole("How many", 1),
                message=text("What the latest of them said"),
                oldest=text(f"The first failure; {_TIME}"),
                newest=text(f"The latest failure; {_TIME}"),
            ),
            "The largest first",
        ),
        complete=COMPLETE,
        revision=REVISION,
    ),
    "Replay": shape(
        "What a replay did, or with `dry_run` would do",
        replayed=whole("Jobs put back"),
        resumed=whole("... where they stopped"),
        restarted=whole("... from the beginning, as their execution was gone"),
        stale=whole("Messages dropped, as their jobs had gone on already"),
        failed=many(
            shape("A job that could not be put back", key=text("Which"), reason=text("Why")),
            "1,000 at most",
        ),
        remaining=maybe(whole("Messages left, about")),
        more=flag("Time ran out first: ask again"),
        dry_run=flag("Nothing was changed"),
        plan=many(
            shape("One job", key=text("Which"), action=text("What"), reason=text("Why")),
            "Each job that was looked at; only in a dry run",
        ),
    ),
    "GivenUp": shape(
        "A job that was ended for good",
        key=text("Which"),
        given_up=flag("Always true"),
        message_removed=flag("Whether its message was found; a replay drops one that was not"),
    ),
}
SCHEMAS["Status"]["required"].remove("since")
SCHEMAS["Replay"]["required"] = SCHEMAS["Replay"]["required"][:7]  # dry runs have more
