"""A message to people in words, English or Japanese. Pure.

Whatever a job or a service said is hostile: it stands on one line, without anything that a reader's
program would obey, and short. Times have their date and their zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from chalicelib.incidents.outlook import Next
from chalicelib.job.incident import Incident, Said, What
from chalicelib.moments import read

ENGLISH, JAPANESE = "en", "ja"
MOST_SUBJECT = 99
MOST_TEXT = 200
MOST_SAID = 3


@dataclass(frozen=True)
class Letter:
    """What people read: a subject, the lines under it, and the link; empty where none is known."""

    subject: str
    lines: tuple[str, ...]
    link: str


def letter(
    incident: Incident,
    news: Sequence[What],
    coming: Sequence[Next],
    stage: str,
    page: str,
    language: str,
    zone: tzinfo,
) -> Letter:
    """Tell of an incident as it stands; `news` is what is new to the reader."""
    words = _Words(TEXTS[language], language, zone)
    lines = [words.since(incident), *words.said(incident.said), words.waiting(incident)]
    lines.append(words.machines(incident, stage))
    lines += [
        words.text[f"explain-{each.value}"]
        for each in _EXPLAINED
        if each in news and not incident.is_over
    ]
    lines += [words.gate(incident)] if incident.gate_closed else []
    lines += [words.next(each) for each in coming]
    lines.append(words.text["incident"].format(id=incident.id))
    subject = words.subject(incident, news, stage)
    link = f"{page}#incident={incident.id}" if page else ""
    return Letter(subject, tuple(line for line in lines if line), link)


def plain(text: str, most: int = MOST_TEXT) -> str:
    """Somebody else's words on one line, without signs that turn or hide text, and short."""
    printable = "".join(each if each.isprintable() else " " for each in text[: 4 * most])
    words = " ".join(printable.split())
    return words if len(words) <= most else words[: most - 1] + "…"


def moment(text: str, language: str, zone: tzinfo) -> str:
    """`Thu 26 Nov 2026, 09:12 UTC`; the text itself where it is not a time."""
    at = read(text)
    return _written(at.astimezone(zone), language) if at else plain(text)


def _written(at: datetime, language: str) -> str:
    name = at.tzname() or "UTC"
    if language == JAPANESE:
        day = "月火水木金土日"[at.weekday()]
        return f"{at.year}年{at.month}月{at.day}日({day}) {at:%H:%M} {name}"
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[at.weekday()]
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return f"{weekday} {at.day} {months[at.month - 1]} {at.year}, {at:%H:%M} {name}"


@dataclass(frozen=True)
class _Words:
    text: Mapping[str, str]
    language: str
    zone: tzinfo

    def at(self, text: str) -> str:
        return moment(text, self.language, self.zone)

    def jobs(self, count: int, whole: bool = True) -> str:
        number = f"{count:,}" if whole else self.text["at-least"].format(number=f"{count:,}")
        if self.language == JAPANESE:
            return f"{number}件のジョブ"
        return f"{number} job" if count == 1 and whole else f"{number} jobs"

    def subject(self, incident: Incident, news: Sequence[What], stage: str) -> str:
        what = news[-1] if news and What.BEGUN not in news else What.BEGUN
        if incident.is_over:
            what = What.OVER
        about = self.text[f"subject-{what.value}"].format(
            task=plain(incident.task, 40), jobs=self.jobs(incident.failed, incident.whole)
        )
        return f"[{stage}] {about}"[:MOST_SUBJECT]

    def since(self, incident: Incident) -> str:
        name = "from-until" if incident.is_over else "since"
        return self.text[name].format(
            task=plain(incident.task, 80),
            since=self.at(incident.since),
            until=self.at(incident.over_at),
        )

    def said(self, said: Sequence[Said]) -> list[str]:
        if not said:
            return []
        lines = [": ".join(filter(None, (plain(s.name), plain(s.message)))) for s in said]
        return [self.text["said"], *(f"  {each}" for each in lines[:MOST_SAID] if each)]

    def waiting(self, incident: Incident) -> str:
        if incident.is_over:
            sentence = self.text["left"].format(jobs=self.jobs(incident.stuck))
            ended = self.text["ended"].format(
                jobs=self.jobs(incident.jobs), failures=f"{incident.failures:,}"
            )
            return f"{ended} {sentence}" if incident.stuck else ended
        parts = [self.text["failed"].format(jobs=self.jobs(incident.failed, incident.whole))]
        if incident.stuck:
            parts.append(self.text["stuck"].format(number=f"{incident.stuck:,}"))
        if incident.inside:
            parts.append(self.text["inside"].format(number=f"{incident.inside:,}"))
        if incident.untried:
            parts.append(self.text["untried"].format(number=f"{incident.untried:,}"))
        return " ".join(parts)

    def machines(self, incident: Incident, stage: str) -> str:
        """Whose jobs failed, where the task is more than one machine's."""
        if len(incident.machines) < 2:
            return ""
        names = [f"{name or stage} ({number:,})" for name, number in incident.machines.items()]
        return self.text["machines"].format(names=self.text["and"].join(names))

    def gate(self, incident: Incident) -> str:
        why = plain(incident.gate_why)
        return self.text["gate"].format(
            since=self.at(incident.gate_since),
            by=self.text.get(f"by-{incident.gate_by}", plain(incident.gate_by, 80)),
            why=f" ({why})" if why else "",
        )

    def next(self, coming: Next) -> str:
        return self.text[f"next-{coming.plan.value}"].format(
            at=self.at(coming.at) if coming.at else "",
            text=plain(coming.text),
            number=f"{coming.number:,}",
        )


_EXPLAINED = (What.STUCK, What.NEAR_LOSS, What.AGAIN)
TEXTS: dict[str, dict[str, str]] = {
    ENGLISH: {
        "subject-begun": "{task} is failing: {jobs} waiting",
        "subject-gate-closed": "{task} takes no jobs for now: its gate is closed",
        "subject-stuck": "{task}: jobs are stuck and need a look",
        "subject-near-loss": "{task}: waiting jobs are near the end of their executions",
        "subject-failing-again": "{task} is failing again",
        "subject-over": "{task}: over, no failed job waits for a replay",
        "since": "{task} has been failing since {since}.",
        "from-until": "{task} failed from {since}. It was over at {until}.",
        "said": "What the failed jobs said:",
        "failed": "{jobs} failed and wait.",
        "stuck": "{number} of them failed too often for unattended replay.",
        "inside": "{number} more failed and are in the task again.",
        "untried": "{number} in line were not tried yet.",
        "machines": "At most at once, by state machine: {names}.",
        "and": ", ",
        "ended": "{jobs} failed, {failures} times in all; they have finished or were given up.",
        "left": "Not so {jobs}: stuck, and waiting for somebody to look.",
        "at-least": "at least {number}",
        "explain-stuck": "A stuck job waits until a person replays it or gives it up.",
        "explain-near-loss": "In less than 14 days Step Functions ends the execution of a waiting"
        " job, or forgets a dead one: replay it, or give it up. The page names it.",
        "explain-failing-again": "Nothing had failed for a day before.",
        "gate": "The gate is closed since {since}, by {by}{why}: jobs that are started wait.",
        "by-failures": "failures in a row",
        "by-ramp": "the ramp",
        "by-service": "the service's own word",
        "by-window": "a maintenance window",
        "next-probes": "By itself respool tries one job next at {at}, and puts the others back"
        " step by step once that works.",
        "next-probes-named": "The service asked to wait until {at}: respool tries one job then.",
        "next-probes-soon": "By itself respool tries one job within minutes, and puts the others"
        " back step by step once that works.",
        "next-window": "The maintenance window ends at {at}; until then nothing is tried.",
        "next-held": "It stays closed until somebody opens it ({text} closed it).",
        "next-held-until": "{text} closed it until {at}; until then nothing is tried.",
        "next-reopens": "It opens by itself at {at}; then the jobs in line go on.",
        "next-stays-closed": "It stays closed until somebody opens it.",
        "next-trigger": "The trigger is enabled: failed jobs are put back as they come, until they"
        " are stuck.",
        "next-schedule": "The schedule puts back up to {number} jobs: {text}.",
        "next-nothing": "By itself respool puts nothing back: the failed jobs wait for somebody.",
        "incident": "Incident {id}.",
        "open": "Look, and replay: {link}",
        "no-link": "Look, and replay: `respool open` prints the page's address.",
        "button": "Open the page",
    },
    JAPANESE: {
        "subject-begun": "{task} が失敗しています: {jobs}が待っています",
        "subject-gate-closed": "{task}: 受付停止中",
        "subject-stuck": "{task}: 要確認のジョブがあります",
        "subject-near-loss": "{task}: 実行の期限が近いジョブがあります",
        "subject-failing-again": "{task} がまた失敗しています",
        "subject-over": "{task}: 解消しました。再処理を待つジョブはありません",
        "since": "{task} は {since} から失敗しています。",
        "from-until": "{task} の障害は {since} に始まり、{until} に解消しました。",
        "said": "失敗したジョブのエラー:",
        "failed": "{jobs}が失敗して待っています。",
        "stuck": "うち{number}件は失敗が多く、自動では再処理されません(要確認)。",
        "inside": "ほかに{number}件が、失敗のあとタスクに戻っています。",
        "untried": "順番待ちの{number}件はまだ試していません。",
        "machines": "ステートマシンごとの最大同時件数: {names}",
        "and": "、",
        "ended": "{jobs}が延べ{failures}回失敗し、その後すべて完了または取りやめとなりました。",
        "left": "ただし{jobs}は要確認のまま、担当者を待っています。",
        "at-least": "少なくとも{number}",
        "explain-stuck": "要確認のジョブは、人が再処理するか取りやめるまで待ちます。",
        "explain-near-loss": "14日以内に、待っているジョブの実行が Step Functions により終了"
        "されるか、終了した実行の記録が消えます。再処理するか取りやめてください。"
        "該当のジョブはページに表示されます。",
        "explain-failing-again": "その前の1日間は失敗がありませんでした。",
        "gate": "受付は {since} から停止中です({by}){why}。開始されたジョブは待ちます。",
        "by-failures": "連続した失敗のため",
        "by-ramp": "段階的な再処理による",
        "by-service": "連携先の申し出による",
        "by-window": "保守時間帯のため",
        "next-probes": "次は {at} に自動で1件を試行し、成功すれば残りを段階的に再処理します。",
        "next-probes-named": "連携先は {at} まで待つよう求めています。その時刻に1件を試行します。",
        "next-probes-soon": "数分以内に自動で1件を試行し、成功すれば残りを段階的に再処理します。",
        "next-window": "保守時間帯は {at} に終わります。それまで何も試行しません。",
        "next-held": "{text} が停止しました。誰かが再開するまで停止中のままです。",
        "next-held-until": "{text} が {at} まで停止しました。それまで何も試行しません。",
        "next-reopens": "受付は {at} に自動で再開し、順番待ちのジョブが進みます。",
        "next-stays-closed": "誰かが再開するまで停止中のままです。",
        "next-trigger": "トリガーが有効です。失敗したジョブは要確認になるまで、"
        "随時再処理されます。",
        "next-schedule": "スケジュールにより最大{number}件を再処理します: {text}",
        "next-nothing": "自動では再処理しません。失敗したジョブは担当者を待っています。",
        "incident": "障害 {id}",
        "open": "確認と再処理: {link}",
        "no-link": "確認と再処理: ページのURLは respool open で表示できます。",
        "button": "ページを開く",
    },
}
