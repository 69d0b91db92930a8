"""What the ramp is doing and when it acts next, in one sentence for people. Pure.

The sentence and what is put into it are apart, so that a page can write times as its reader does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.gate.ramp.decide import Policy
from chalicelib.job.ramp_state import State, Verdict
from chalicelib.moments import read


@dataclass(frozen=True)
class Summary:
    """Which sentence, and what is put into it: text as it is, times in ISO 8601, UTC."""

    code: str
    values: Mapping[str, str]
    times: Mapping[str, str]


def tell(state: State, policy: Policy) -> Summary:
    """Choose the sentence."""
    code = _code(state)
    values = {
        "key": state.released[0].key if state.released else state.last_key,
        "count": str(len(state.released) or state.last_size),
        "waiting": str(state.waiting),
        "window": state.held,
        "minutes": str(-(-policy.interval // 60)),
    }
    at = state.released_at if state.released else state.last_at
    times = {"at": at, "next": state.due, "until": state.held_until or state.named}
    return Summary(
        code,
        {name: values[name] for name in values if f"{{{name}}}" in SENTENCES[code]},
        {name: times[name] for name in times if f"{{{name}}}" in SENTENCES[code]},
    )


def sentence(summary: Summary, now: datetime) -> str:
    """The sentence, with times in the zone of `now`; a day is named unless it is today.

    It ends without a full stop and holds the job's key as it is, which is hostile text.
    """
    times = {name: _clock(text, now) for name, text in summary.times.items()}
    return SENTENCES[summary.code].format_map({**summary.values, **times})


def _code(state: State) -> str:
    if state.held:
        return "window" if state.held_until else "held"
    if state.released:
        return "probing" if len(state.released) == 1 else "stepping"
    if not state.waiting:
        return "idle"
    if state.named:
        return "named"
    if state.due and state.last is Verdict.REFUSED:
        return "refused" if state.last_size == 1 else "step_refused"
    return "soon"


def _clock(text: str, now: datetime) -> str:
    then = read(text)
    if then is None:
        return "?"
    there = then.astimezone(now.tzinfo)
    if there.date() == now.date():
        return f"{there:%H:%M}"
    if abs(there - now) < timedelta(days=300):
        return f"{there:%m-%d %H:%M}"
    return f"{there:%Y-%m-%d %H:%M}"


SENTENCES: dict[str, str] = {
    "idle": "nothing waits to be put back",
    "held": "held by limit 0: no probe until the limit is raised",
    "window": "held until {until} by the maintenance window {window}: no probe",
    "probing": "probing since {at} with job {key}, {waiting} waiting; looks within {minutes} min",
    "stepping": "put {count} jobs back at {at}, {waiting} waiting; looks within {minutes} min",
    "refused": "probed {at} with job {key}: still refusing; next try {next}",
    "step_refused": "put {count} jobs back at {at}: refused; next try {next}, with one job",
    "named": "the service asked to wait until {until}: one job is tried then",
    "soon": "{waiting} waiting; puts jobs back within {minutes} min",
}
"""The page has them in each language, held to these by a test."""
