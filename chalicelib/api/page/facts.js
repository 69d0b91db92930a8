// The stage at a glance.

import { foreign, h } from "./dom.js";
import { readOnly, state } from "./store.js";

const BARS = "▁▂▃▄▅▆▇█";

export const factsSignature = (now) => {
  const { status, lang } = state;
  return [lang, status && [status.jobs, status.complete, status.spooled, status.stuck, status.trigger, status.trigger_at, status.schedule, status.next_loss], readOnly(), state.days, now.toDateString()];
};

export function facts(t, f, act) {
  const { status } = state;
  if (!status) return null;
  const { schedule, next_loss: loss, jobs, complete } = status;
  const held = (count) => (complete ? f.number(count) : t.now.moreThan(f.number(count)));
  const told = [
    [t.facts.running, f.number(jobs.running)],
    [t.facts.line, f.number(jobs.line)],
    [t.facts.waiting, held(jobs.parked)],
    [t.facts.stuck, held(jobs.stuck)],
    [t.facts.notes, t.facts.about(f.number(status.spooled))],
    status.stuck ? [t.facts.unreadable, t.facts.about(f.number(status.stuck)), "danger"] : null,
    [t.facts.trigger, trigger(t, f, act, status)],
    [t.facts.schedule, schedule ? clock(t, f, schedule) : t.facts.none],
    state.days?.some((day) => day.failures) ? [t.facts.days, fortnight(t, f)] : null,
    [t.facts.loss, loss ? t.facts.lost(foreign(loss.key), f.date(loss.at)) : t.facts.never, loss ? "danger" : ""],
  ];
  return h(
    "section",
    { class: "facts", "aria-labelledby": "facts-title" },
    h("h2", { id: "facts-title" }, t.facts.title),
    h("dl", { class: "card" }, told.filter(Boolean).map(([name, text, mark]) => h("div", { class: mark || null }, h("dt", {}, name), h("dd", {}, text)))),
  );
}

/** Failures day by day; its numbers are read out. */
function fortnight(t, f) {
  const counts = state.days.map((day) => day.failures);
  const most = Math.max(...counts);
  const bars = counts.map((count) => (count ? BARS[Math.ceil((count / most) * BARS.length) - 1] : "·"));
  return h("span", { class: "bars", role: "img", "aria-label": counts.map(f.number).join(", "), title: t.facts.most(most, f.number(most)) }, bars.join(""));
}

/** How it stands, who said so; changed only after a question. */
function trigger(t, f, act, { trigger: now, trigger_by: by, trigger_at: at, trigger_why: why }) {
  const on = now === "enabled";
  return [
    t.facts.triggers[now] ?? now,
    by ? h("span", { class: "quiet" }, t.facts.switched(foreign(by), f.moment(at), foreign(why ?? ""))) : null,
    readOnly() || !(on || now === "disabled") ? null : h("button", { class: "button small plain", type: "button", "data-k": "trigger", "aria-label": t.facts.switchName, onclick: () => act.setTrigger(!on) }, t.tasks.change),
  ];
}

/** `Every 2 hours`; a cron expression stays as it is, with its zone. */
function clock(t, f, { expression, timezone, max }) {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  const when = rate ? t.facts.every(Number(rate[1]), rate[2]) : `${expression} ${timezone}`;
  return [when, h("span", { class: "quiet" }, t.facts.most(max, f.number(max)))];
}
