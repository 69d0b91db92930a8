// A closed gate in words: by whom, why, since when and until when.

import { foreign, h } from "./dom.js";

/** By whom, why, since when, until when; and what stands behind it. */
export function closedLine(t, f, { task, gate, waiting: line, inside }, named) {
  const until = named && gate.until ? t.gate.until(f.moment(gate.until)) : "";
  const parts = [closedBy(t, f, gate), until, t.gate.behind(line, f.number(line), inside, f.number(inside))];
  return h("p", { class: "lead gate" }, named ? h("b", {}, `${task} `) : null, parts.filter(Boolean).join(t.space));
}

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
