// What is wrong now, in a sentence, and the one button.

import { ICONS, foreign, h, icon } from "./dom.js";
import { closedLine, openHere } from "./gate.js";
import { panel, panelSignature } from "./panel.js";
import { closedTasks, readOnly, state, waiting } from "./store.js";

const QUOTES = 3; // different messages that are shown at once

export function heroSignature(now) {
  const { status, groups, lang } = state;
  const known = status && [waiting(), status.jobs, status.oldest_failure?.at, status.spooled, closedTasks()];
  return [lang, known, groups, now.toDateString(), panelSignature()];
}

export function hero(t, f, act) {
  if (!state.status || !state.groups) {
    return h("section", { class: "hero loading" }, h("p", {}, t.now.loading));
  }
  const mood = moodOf();
  return h(
    "section",
    { class: `hero ${mood}`, "aria-labelledby": "now" },
    h("div", { class: "words" }, pill(t, mood), h("h1", { id: "now" }, phrases(headline(t, f))), said(t, f, act)),
    panel(t, f, act),
  );
}

const busy = () => state.flow.phase === "following";

function moodOf() {
  if (closedTasks().length) return "closed";
  if (busy()) return "busy";
  const { known, stuck } = waiting();
  if (!known) return state.status.jobs.line ? "line" : "calm";
  return known === stuck ? "stuck" : "waiting";
}

function pill(t, mood) {
  const marks = { calm: ICONS.calm, waiting: ICONS.wait, stuck: ICONS.wait, line: ICONS.wait, busy: ICONS.replay, closed: ICONS.hold };
  return h("p", { class: "pill" }, icon(marks[mood]), t.now.pill[mood]);
}

/** A closed gate comes first: nothing else explains what is seen. */
function headline(t, f) {
  const closed = closedTasks();
  if (closed.length) return closedHeadline(t, f, closed);
  if (busy()) return t.now.busy(state.flow.count, f.number(state.flow.count));
  return waitingHeadline(t, f);
}

function waitingHeadline(t, f) {
  const { parked, stuck, known, whole } = waiting();
  const line = state.status.jobs.line;
  if (!known) return line ? t.now.lineOnly(line, f.number(line)) : t.now.calm;
  const shown = whole ? f.number(known) : t.now.moreThan(f.number(known));
  if (!parked) return t.now.stuckOnly(stuck, shown);
  return t.now.waiting(known, shown, f.moment(state.status.oldest_failure?.at));
}

function closedHeadline(t, f, closed) {
  if (closed.length > 1) return t.gate.severalClosed(closed.length, f.number(closed.length));
  const { task, gate } = closed[0];
  return gate.until ? t.gate.closedUntil(task, f.moment(gate.until)) : t.gate.closed(task);
}

/** Japanese lines break between phrases, as a person would break them. */
function phrases(text) {
  const parts = text.split(/(?<=、)/);
  return parts.length > 1 ? parts.map((part) => h("span", { class: "phrase" }, part)) : text;
}

function said(t, f, act) {
  const closed = closedTasks();
  const { known, parked, stuck } = waiting();
  const { running, line } = state.status.jobs;
  return [
    closed.map((task) => [closedLine(t, f, task, closed.length > 1), openHere(t, act, task, !readOnly())]),
    closed.length && known ? lead(`${waitingHeadline(t, f)}${t.stop}`) : null,
    busy() ? null : quoted(t, f, known),
    stuck && parked ? lead(t.now.someStuck(stuck, f.number(stuck))) : null,
    known && !parked ? lead(t.now.stuckLead(stuck)) : null,
    line && known && !closed.length ? lead(t.now.inLine(line, f.number(line))) : null,
    known || closed.length ? null : lead(line ? t.now.lineLead(line) : t.now.calmLead(running, f.number(running))),
  ];
}

const lead = (text) => h("p", { class: "lead" }, text);

/** What the errors say, never more than that: whose fault it was is not known. */
function quoted(t, f, known) {
  const group = state.groups.groups[0];
  if (!known || !group) return null;
  const friendly = t.now.known[group.error];
  const all = group.count === known;
  const intro = all ? t.now.failed(known) : t.now.someFailed(group.count, f.number(group.count));
  const several = group.kinds > 1 || group.looked_at < group.count;
  return h(
    "figure",
    { class: "said" },
    h("figcaption", {}, intro),
    group.error ? h("p", { class: "name" }, foreign(group.error)) : null,
    friendly ? h("p", {}, friendly) : null,
    friendly ? null : group.messages.slice(0, QUOTES).map((kind) => quote(t, f, kind, several)),
    group.kinds > QUOTES ? h("p", { class: "quiet" }, t.now.moreKinds(group.kinds - QUOTES, f.number(group.kinds - QUOTES))) : null,
  );
}

function quote(t, f, { message, count }, several) {
  if (!message) return null;
  return h(
    "blockquote",
    { tabindex: "0", dir: "auto" },
    foreign(message),
    several ? h("footer", {}, t.now.alike(count, f.number(count))) : null,
  );
}
