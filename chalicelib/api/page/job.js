// One job as a page of its own: how it stands, what happened to it, who put it back, what to do.

import { foreign, h, icon, ICONS, time } from "./dom.js";
import { historyOf } from "./history.js";
import { whoOf } from "./replays.js";
import { buttons, consoleLink, isHeld } from "./rows.js";
import { state } from "./store.js";

/** The id of the job that the address names; empty where it names none. */
export const jobInAddress = () => new URLSearchParams(location.hash.slice(1)).get("job") ?? "";

export const jobSignature = (now) => [state.lang, state.job, [...state.singles], now.toDateString()];

export function jobPage(t, f, act) {
  const { told: job, missing } = state.job ?? {};
  const back = h("p", {}, h("a", { href: "#", "data-k": "back" }, t.job.back));
  if (missing) return h("section", { class: "hero" }, back, h("h1", { id: "now" }, t.job.missing));
  if (!job) return h("section", { class: "hero loading" }, h("p", {}, t.now.loading));
  return h(
    "section",
    { class: `hero one ${isHeld(job) ? "waiting" : ""}`, "aria-labelledby": "now" },
    back,
    h("h1", { id: "now" }, h("bdi", {}, foreign(job.key))),
    h("p", { class: "lead" }, `${t.list.states[job.state] ?? job.state} · `, foreign(job.task)),
    job.error.name ? h("blockquote", { class: "message", dir: "auto" }, foreign([job.error.name, job.error.message].filter(Boolean).join(": "))) : null,
    h("dl", { class: "card" }, facts(t, f, job).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    job.ended_at ? null : h("div", { class: "buttons" }, buttons(t, act, job, "page")),
    h("p", { class: "links" }, consoleLink(t, job), " ", logsLink(t, job)),
    h("h2", {}, t.history.button),
    historyOf(t, f, job),
  );
}

function facts(t, f, job) {
  const told = [
    [t.job.attempts, job.attempt ? f.number(job.attempt) : ""],
    [t.job.began, job.started_at && time(f, job.started_at)],
    [t.job.first, job.attempt > 1 && job.first_failed_at && time(f, job.first_failed_at)],
    [t.job.last, job.failed_at && time(f, job.failed_at)],
    [t.job.ended, job.ended_at && time(f, job.ended_at)],
  ];
  const replays = job.replays.map((replay) => [t.job.replayed, [`${whoOf(t, { ...replay, asked: {} })}, `, time(f, replay.at), replay.reason ? ` “${foreign(replay.reason)}”` : ""]]);
  const older = job.replays_whole ? [] : [[t.job.replayed, t.job.older]];
  return [...told, ...replays, ...older].filter(([, value]) => value);
}

function logsLink(t, job) {
  if (!job.logs?.startsWith("https://")) return null;
  return h("a", { class: "out", href: job.logs, target: "_blank", rel: "noopener noreferrer" }, t.job.logs, icon(ICONS.out));
}
