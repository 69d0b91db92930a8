// The tasks: who is inside and in line, the gate, the limit; changes stand behind a fold, and ask.

import { ICONS, foreign, h, icon } from "./dom.js";
import { canOpen, closedBy, needsPerson, openButton, setBy } from "./gate.js";
import { readLimit } from "./number.js";
import { isFree, readOnly, state } from "./store.js";

export function tasks(t, f, act) {
  const { status } = state;
  if (!status) return null;
  return h(
    "section",
    { class: "tasks", "aria-labelledby": "tasks-title" },
    h("h2", { id: "tasks-title" }, t.tasks.title),
    status.tasks.map((task) => card(t, f, act, task)),
  );
}

export const tasksSignature = (now) => [state.lang, state.status?.tasks, readOnly(), isFree(), now.toDateString()];

function card(t, f, act, task) {
  const closed = !task.gate.open;
  return h(
    "div",
    { class: `task${closed ? " held" : ""}` },
    h("h3", {}, foreign(task.task)),
    closed ? h("p", { class: "warning" }, closedText(t, f, task)) : null,
    h("p", { class: "quiet" }, t.tasks.inside(f.number(task.inside), f.number(task.limit))),
    dots(task),
    task.waiting ? h("p", { class: "quiet" }, inLine(t, f, task)) : null,
    task.parked + task.stuck ? h("p", { class: "quiet" }, t.tasks.parked(f.number(task.parked), f.number(task.stuck), task.stuck)) : null,
    task.ramp ? h("p", { class: "ramp" }, ramped(t, f, task.ramp)) : null,
    readOnly() ? null : h("div", { class: "buttons" }, canOpen(task.gate) && !needsPerson(task) ? openButton(t, act, task) : null, replayButton(t, f, act, task)),
    readOnly() ? null : changes(t, f, act, task),
  );
}

function closedText(t, f, { gate }) {
  const until = gate.until ? t.gate.until(f.moment(gate.until)) : "";
  return [closedBy(t, f, gate), until].filter(Boolean).join(t.space);
}

function inLine(t, f, task) {
  return t.tasks.inLine(task.waiting, f.number(task.waiting), task.waiting_since ? f.moment(task.waiting_since) : "");
}

/** The sentence of the ramp, with its times as the reader's clock shows them. */
function ramped(t, f, { code, values, times }) {
  const moments = Object.entries(times).map(([name, text]) => [name, f.moment(text)]);
  const parts = { ...values, ...Object.fromEntries(moments) };
  return foreign((t.ramp[code] ?? "").replace(/\{(\w+)\}/g, (_, name) => parts[name] ?? "?"));
}

function dots(task) {
  const shown = Math.min(Math.max(task.limit, task.inside), 40);
  const marks = Array.from({ length: shown }, (_, n) => h("i", { class: n < task.inside ? "taken" : "" }));
  return h("p", { class: "slots", "aria-hidden": "true" }, marks);
}

/** One button a task, where there are several: the big one puts back jobs of all of them. */
function replayButton(t, f, act, task) {
  if (state.status.tasks.length < 2 || !task.parked || !isFree()) return null;
  const text = t.list.group(task.parked, f.number(task.parked));
  return h("button", { class: "button small", type: "button", "data-k": `task ${task.task}`, "aria-label": `${text}: ${foreign(task.task)}`, onclick: () => act.previewTask(task) }, icon(ICONS.replay), text);
}

function changes(t, f, act, task) {
  return h(
    "details",
    { class: "changes" },
    h("summary", { "data-k": `changes ${task.task}` }, t.tasks.change),
    task.limit_by ? h("p", { class: "quiet" }, setBy(t, f, task)) : null,
    limit(t, act, task),
    task.gate.open ? h("button", { class: "button small", type: "button", "data-k": `close ${task.task}`, "aria-label": t.gate.closeName(foreign(task.task)), onclick: () => act.closeGate(task) }, icon(ICONS.hold), t.gate.closeButton) : null,
  );
}

function limit(t, act, task) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    const field = event.target.elements.limit;
    const { value } = readLimit(field.value);
    wrong.textContent = value === undefined ? t.tasks.wrongLimit : "";
    if (value === undefined) return field.focus();
    return act.setLimit(task, value);
  };
  return h(
    "form",
    { class: "limit", onsubmit: submit },
    h("label", {}, h("span", {}, t.tasks.at), h("input", { name: "limit", inputmode: "numeric", autocomplete: "off", "data-k": `limit ${task.task}`, "aria-label": t.tasks.limitName(foreign(task.task)), value: task.limit }), h("span", {}, t.tasks.once)),
    h("button", { class: "button small plain", "data-k": `set ${task.task}`, "aria-label": t.tasks.setName(foreign(task.task)) }, t.tasks.setButton),
    wrong,
  );
}
