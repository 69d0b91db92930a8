// The rows of a list: a job each, with what may be done to it, and its history where it is asked for.

import { ICONS, foreign, h, icon, time } from "./dom.js";
import { machines, readOnly, state } from "./store.js";
import { historyOf } from "./history.js";

export function rows(t, f, act, id, list, group) {
  const left = (list.total ?? group.count ?? 0) - list.jobs.length;
  return [
    h("ul", { class: "rows", "aria-busy": String(Boolean(list.loading)) }, list.jobs.map((job) => row(t, f, act, job, group, id))),
    list.cursor ? h("button", { class: "button plain", type: "button", "data-k": `more ${id}`, disabled: list.loading, onclick: () => act.more(id) }, icon(ICONS.more), left > 0 ? t.list.more(f.number(left)) : t.list.moreUncounted) : null,
  ];
}

function row(t, f, act, job, group, id) {
  const known = (group.messages ?? []).some(({ message }) => message === job.error.message);
  const shown = state.shown?.id === job.id;
  return h(
    "li",
    { class: `row ${job.state}` },
    ticked(t, act, job),
    h(
      "div",
      { class: "what" },
      h("p", { class: "key" }, h("a", { href: `#job=${encodeURIComponent(job.id)}` }, h("bdi", {}, foreign(job.key)))),
      h("p", { class: "quiet" }, facts(t, f, job, id)),
      job.error.message && !known && !job.ended_at ? h("p", { class: "message", dir: "auto" }, foreign(job.error.message)) : null,
    ),
    h("div", { class: "buttons" }, buttons(t, act, job, id), historyButton(t, act, job, id, shown), consoleLink(t, job)),
    shown ? historyOf(t, f, state.shown.job) : null,
  );
}

export const isHeld = (job) => !job.ended_at && (job.state === "parked" || job.state === "stuck");

function ticked(t, act, job) {
  if (!isHeld(job) || readOnly()) return null;
  return h("input", { type: "checkbox", class: "tick", "aria-label": t.list.choose(foreign(job.key)), "data-k": `tick ${job.id}`, checked: state.chosen.has(job.id), onchange: (event) => act.choose(job, event.target.checked) });
}

/** What is known of a job, in a line: its state where the list does not say it, and times. */
function facts(t, f, job, id) {
  const mixed = id === "search";
  const told = [
    mixed ? t.list.states[job.state] : "",
    mixed && job.error.name && isHeld(job) ? foreign(job.error.name) : "",
    (mixed || id === "line" || id === "running") && machines().length ? foreign(job.machine) : "",
    mixed ? foreign(job.task) : "",
    job.dead_at ? t.list.dead : "",
    job.attempt ? [t.list.attempts(job.attempt, f.number(job.attempt)), ...(job.attempt === 1 && job.failed_at ? [" ", time(f, job.failed_at)] : [])] : "",
    job.ended_at ? [t.list.ended, " ", time(f, job.ended_at)] : "",
    isHeld(job) || job.ended_at ? "" : [t.list.since[job.state], " ", time(f, job.since ?? job.started_at)],
    job.attempt > 1 && job.first_failed_at ? [t.list.first, " ", time(f, job.first_failed_at)] : "",
    job.attempt > 1 && job.failed_at ? [t.list.last, " ", time(f, job.failed_at)] : "",
    job.started_at ? [t.list.began, " ", time(f, job.started_at)] : "",
  ];
  return told.filter((part) => part.length).flatMap((part, n) => (n ? [" · ", part] : [part]));
}

export function buttons(t, act, job, id) {
  const single = state.singles.get(job.id);
  if (single && !["refused", "stale", "failed", "left"].includes(single.outcome)) return h("span", { class: `chip ${single.outcome}` }, t.outcome.one[single.outcome]);
  if (job.ended_at || readOnly()) return null;
  return [
    isHeld(job) ? h("button", { class: "button small", type: "button", "data-k": `replay ${id} ${job.id}`, "aria-label": t.list.replayName(foreign(job.key)), onclick: () => act.replayJob(job) }, t.list.replay) : null,
    h("button", { class: "button small plain", type: "button", "data-k": `end ${id} ${job.id}`, "aria-label": t.list.giveUpName(foreign(job.key)), onclick: () => act.giveUp(job) }, t.list.giveUp),
  ];
}

function historyButton(t, act, job, id, shown) {
  return h("button", { class: `button small plain${shown ? " open" : ""}`, type: "button", "data-k": `history ${id} ${job.id}`, "aria-expanded": String(shown), "aria-label": t.history.name(foreign(job.key)), onclick: () => act.showHistory(job) }, t.history.button);
}

export function consoleLink(t, job) {
  if (!job.link?.startsWith("https://")) return null;
  return h("a", { class: "out", href: job.link, target: "_blank", rel: "noopener noreferrer", "aria-label": t.list.linkName(foreign(job.key)) }, t.list.link, icon(ICONS.out));
}
