// A closed gate in words: by whom, why, since when and until when.

import { ICONS, foreign, h, icon } from "./dom.js";

/** In one sentence by whom, why, since when, until when, how many failed and how many are untried. */
export function closedLine(t, f, { task, gate, waiting: line, inside, failed, untried }, named) {
  const moments = { since: gate.since ? f.moment(gate.since) : "", until: gate.until ? f.moment(gate.until) : "" };
  const counts = { failed, failedShown: f.number(failed), untried, untriedShown: f.number(untried) };
  const told = { by: gateBy(t, gate), why: gateWhy(t, gate), ...moments, ...counts };
  const first = untried == null ? closedBy(t, f, gate) : t.gate.sentence(told);
  const parts = [first, t.gate.behind(line, f.number(line), inside, f.number(inside))];
  return h("p", { class: "lead gate" }, named ? h("b", {}, `${task} `) : null, parts.join(t.space));
}

/** What nobody opens by itself: one sentence, and one button. */
export function openHere(t, act, task, mayChange) {
  if (!needsPerson(task)) return null;
  return h("div", { class: "lead" }, h("p", {}, t.gate.stays(foreign(task.task))), mayChange ? openButton(t, act, task) : null);
}

export function openButton(t, act, task) {
  return h("button", { class: "button primary", type: "button", "data-k": `open ${task.task}`, "aria-label": t.gate.openName(foreign(task.task)), onclick: () => act.openGate(task) }, icon(ICONS.release), t.gate.openButton);
}

/** Whether failures closed it and there is no ramp, which would open it when all is well. */
export const needsPerson = ({ gate, ramp }) => gate.by === "failures" && !ramp;

export function closedBy(t, f, gate) {
  return t.gate.closedBy(gateBy(t, gate), gate.since ? f.moment(gate.since) : "", gateWhy(t, gate));
}

export const gateBy = (t, gate) => t.gate.who[gate.by] ?? foreign(gate.by ?? t.gate.who.nobody);

/** What a person gave as the reason; a limit of 0 says so itself, and failures are told as such. */
function gateWhy(t, gate) {
  if (gate.by === "failures") return "";
  const why = (gate.why ?? "").replace(/^limit 0(: )?/, "") || (gate.why ? t.gate.limit0 : "");
  return foreign(why);
}

/** Who set the limit that holds, when and why. */
export function setBy(t, f, { limit, limit_by: by, limit_at: at, limit_why: why }) {
  return t.tasks.setBy(f.number(limit), foreign(by), at ? f.moment(at) : "", foreign(why ?? ""));
}

/** Whether a person can open it: a maintenance window ends by itself. */
export const canOpen = (gate) => !gate.open && gate.by !== "window";
