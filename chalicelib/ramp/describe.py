"""What the ramp is doing and when it acts next, in one sentence for people. Pure.

The sentence and what is put into it are apart, so that a page can write times as its reader does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.ramp.state import State, Verdict, moment

LANGUAGES = ("en", "ja")


@dataclass(frozen=True)
class Told:
    """Which sentence, and what is put into it: text as it is, times in ISO 8601, UTC."""

    code: str
    values: Mapping[str, str]
    times: Mapping[str, str]


def tell(state: State) -> Told:
    """Choose the sentence."""
    code = _code(state)
    values = {
        "key": _key(state),
        "count": str(len(state.out) or state.last_size),
        "waiting": str(state.waiting),
        "window": state.held,
        "refusals": str(state.refusals),
    }
    at = state.released_at if state.out else state.last_at
    times = {"at": at, "next": state.due, "until": state.held_until}
    return Told(
        code,
        {name: values[name] for name in values if f"{{{name}}}" in SENTENCES["en"][code]},
        {name: times[name] for name in times if f"{{{name}}}" in SENTENCES["en"][code]},
    )


def describe(state: State, now: datetime, language: str) -> str:
    """The sentence in `en` or `ja`, with times in the zone of `now`; a day is named unless today.

    It ends without a full stop and holds the job's key as it is, which is hostile text.
    """
    told = tell(state)
    times = {name: _clock(text, now) for name, text in told.times.items()}
    return SENTENCES[language][told.code].format_map({**told.values, **times})


def _code(state: State) -> str:
    if state.held:
        return "window" if state.held_until else "held"
    if state.out:
        return "probing" if len(state.out) == 1 else "stepping"
    if not state.waiting:
        return "idle"
    if state.due and state.last is Verdict.REFUSED:
        return "refused" if state.last_size == 1 else "step_refused"
    return "soon"


def _key(state: State) -> str:
    return state.out[0].key if state.out else state.last_key


def _clock(text: str, now: datetime) -> str:
    then = moment(text)
    if then is None:
        return "?"
    there = then.astimezone(now.tzinfo)
    if there.date() == now.date():
        return f"{there:%H:%M}"
    if abs(there - now) < timedelta(days=300):
        return f"{there:%m-%d %H:%M}"
    return f"{there:%Y-%m-%d %H:%M}"


SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        "idle": "nothing waits to be put back",
        "held": "held by limit 0: no probe until the limit is raised",
        "window": "held until {until} by the maintenance window {window}: no probe",
        "probing": "probing since {at} with job {key}; {waiting} waiting",
        "stepping": "{count} jobs put back at {at}, to see how they fare; {waiting} waiting",
        "refused": "probed {at} with job {key}: still refusing; next try {next}",
        "step_refused": "put {count} jobs back at {at}: refused; next try {next}, with one job",
        "soon": "{waiting} waiting; the next tick puts jobs back",
    },
    "ja": {
        "idle": "再開待ちのジョブはありません",
        "held": "上限 0 で保留中です。上限を上げるまで試行しません",
        "window": "メンテナンス時間帯 {window} のため {until} まで保留中です。試行しません",
        "probing": "{at} からジョブ {key} で試行中です（待ち {waiting} 件）",
        "stepping": "{at} に {count} 件を再開し、様子を見ています（待ち {waiting} 件）",
        "refused": "{at} にジョブ {key} で試行：まだ応答しません。次の試行は {next} です",
        "step_refused": "{at} に {count} 件を再開：失敗しました。次は {next} に 1 件で試行します",
        "soon": "待ち {waiting} 件。次の回に再開します",
    },
}
