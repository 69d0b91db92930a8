// What is wrong now, in a sentence, and the one button.

import { ICONS, h, icon } from "./dom.js";
import { heldTasks, readOnly, state, waiting } from "./store.js";

export function heroSignature(now) {
  const { status, groups, flow, count, lang } = state;
  const known = status && [waiting(), status.jobs.running, status.oldest_failure?.at, heldTasks()];
  const day = now.toDateString();
  return [lang, known, groups, { ...flow, reason: null }, count, state.countTyped, day, readOnly()];
}

export function hero(t, f, act) {
  if (!state.status || !state.groups) {
    return h("section", { class: "hero loading" }, h("p", {}, t.now.loading));
  }
  const { known, unnamed, stuck } = waiting();
  const mood = moodOf(known + unnamed, known > 0 && known === stuck);
  return h(
    "section",
    { class: `hero ${mood}`, "aria-labelledby": "now" },
    h("div", { class: "story" }, pill(t, mood), h("h1", { id: "now" }, phrases(headline(t, f))), said(t, f)),
    panel(t, f, act),
  );
}

function moodOf(count, onlyStuck) {
  if (busy()) return "busy";
  if (!count) return "calm";
  return onlyStuck ? "stuck" : "waiting";
}

function pill(t, mood) {
  const texts = { calm: t.now.pillCalm, waiting: t.now.pillWaiting, stuck: t.now.pillStuck, busy: t.now.pillBusy };
  const marks = { calm: ICONS.calm, waiting: ICONS.wait, stuck: ICONS.wait, busy: ICONS.replay };
  return h("p", { class: "pill" }, icon(marks[mood]), texts[mood]);
}

const busy = () => ["sending", "watching"].includes(state.flow.phase);

function headline(t, f) {
  if (busy()) return t.now.busy(total(), f.number(total()));
  const { parked, stuck, known, unnamed } = waiting();
  if (!known) return unnamed ? t.now.unnamed(unnamed, f.number(unnamed)) : t.now.calm;
  if (!parked) return t.now.stuckOnly(stuck, f.number(stuck));
  return t.now.waiting(known, f.number(known), f.moment(state.status.oldest_failure?.at));
}

/** Japanese lines break between phrases, as a person would break them. */
function phrases(text) {
  const parts = text.split(/(?<=、)/);
  return parts.length > 1 ? parts.map((part) => h("span", { class: "phrase" }, part)) : text;
}

function said(t, f) {
  if (busy()) return lead(t.replay.leave);
  const { parked, stuck, known, unnamed } = waiting();
  const running = state.status.jobs.running;
  if (!known) return lead(unnamed ? t.now.unnamedLead : t.now.calmLead(running, f.number(running)));
  return [
    answered(t, f, known),
    stuck && parked ? lead(t.now.someStuck(stuck, f.number(stuck))) : null,
    parked ? null : lead(t.now.stuckLead),
  ];
}

const lead = (text) => h("p", { class: "lead" }, text);

function answered(t, f, known) {
  const group = state.groups[0];
  if (!group) return null;
  const friendly = t.now.known[group.error];
  const all = group.count === known;
  const intro = all ? t.now.answered : t.now.mostAnswered(f.number(group.count));
  return h(
    "figure",
    { class: "said" },
    h("figcaption", {}, friendly ?? intro),
    group.message && !friendly ? h("blockquote", { tabindex: "0" }, group.message) : null,
    group.error ? h("p", { class: "name" }, group.error) : null,
  );
}

function panel(t, f, act) {
  const panels = { idle, looking, preview, sending: progress, watching: progress, ended };
  return panels[state.flow.phase](t, f, act);
}

/** How many the button is about: what was chosen, as far as there are as many. */
export function wanted() {
  const { parked, stuck, known, unnamed } = waiting();
  const most = known ? parked || stuck : unnamed;
  return { most, count: Math.min(state.count ?? most, most) };
}

function idle(t, f, act) {
  const { most, count } = wanted();
  if (readOnly()) return most ? h("p", { class: "quiet" }, t.readOnly) : null;
  if (!most) return null;
  return h(
    "form",
    { class: "act", onsubmit: (event) => (event.preventDefault(), act.preview()) },
    most > 1 ? stepper(t, f, act, most, count) : null,
    h(
      "button",
      { class: "button primary big", type: "submit", "data-k": "replay", id: "replay" },
      icon(ICONS.replay),
      t.replay.button(count, f.number(count)),
    ),
    h("p", { class: "quiet" }, t.replay.hint),
  );
}

function stepper(t, f, act, most, count) {
  const step = (to, name, sign) =>
    h("button", { type: "button", class: "step", "aria-label": name, "data-k": `step${sign}`, disabled: to < 1 || to > most, onclick: () => act.setCount(to) }, sign);
  return h(
    "div",
    { class: "stepper" },
    h("label", { for: "count" }, t.replay.howMany),
    h(
      "div",
      { class: "field" },
      step(count - 1, t.replay.fewer, "−"),
      h("input", { id: "count", name: "count", inputmode: "numeric", pattern: "[0-9]*", autocomplete: "off", "data-k": "count", value: count, onchange: (event) => act.setCount(Number(event.target.value)) }),
      step(count + 1, t.replay.more, "+"),
      h("button", { type: "button", class: "all", "data-k": "all", "aria-pressed": String(count === most), onclick: () => act.setCount(null) }, `${t.replay.all} ${f.number(most)}`),
    ),
  );
}

function looking(t) {
  return h("div", { class: "panel" }, h("p", { class: "working" }, t.replay.looking));
}

function preview(t, f, act) {
  const { plan, count, only, reason, sample } = state.flow;
  const lines = ["resume", "redrive", "restart", "stale", "stuck"]
    .filter((action) => plan[action])
    .map((action) => h("li", { class: action }, t.replay[action](plan[action], f.number(plan[action]))));
  return h(
    "form",
    { class: "panel", id: "preview", tabindex: "-1", "aria-labelledby": "preview-title", onsubmit: (event) => (event.preventDefault(), act.run()) },
    h("h2", { id: "preview-title" }, t.replay.preview),
    only ? h("p", { class: "only" }, onlyText(t, only)) : null,
    lines.length ? h("ul", { class: "plan" }, lines) : h("p", {}, t.replay.nothing),
    sample ? h("p", { class: "quiet" }, t.replay.sample(f.number(sample), f.number(count))) : null,
    lines.length ? heldTasks().map((task) => h("p", { class: "warning" }, t.replay.held(task.task))) : null,
    lines.length ? reasonField(t, act, reason) : null,
    h(
      "div",
      { class: "buttons" },
      lines.length ? h("button", { class: "button primary", "data-k": "go", id: "go" }, icon(ICONS.replay), t.replay.go(count, f.number(count))) : null,
      h("button", { class: "button", type: "button", "data-k": "cancel", onclick: act.cancel }, lines.length ? t.replay.cancel : t.replay.close),
    ),
  );
}

const onlyText = (t, only) => `${t.replay.only(only.error, only.task)}${only.stuck ? ` · ${t.replay.onlyStuck}` : ""}`;

function reasonField(t, act, reason) {
  return h(
    "p",
    { class: "reason" },
    h("label", { for: "why" }, t.replay.reason),
    h("input", { id: "why", "data-k": "why", maxlength: "300", autocomplete: "off", value: reason ?? "", oninput: (event) => act.setReason(event.target.value) }),
  );
}

/** How many the replay under way is about. */
function total() {
  const { phase, asked, sent } = state.flow;
  return phase === "sending" ? asked : sent;
}

function progress(t, f, act) {
  const { phase, asked, sent, counts } = state.flow;
  const all = total();
  const done = counts.finished + counts.again;
  const sending = phase === "sending" && sent < asked;
  const title = sending ? t.replay.sending(f.number(sent), f.number(asked)) : t.replay.progress(f.number(done), f.number(all));
  return h(
    "div",
    { class: "panel", id: "progress", tabindex: "-1" },
    h("h2", {}, title),
    bar(t, f, counts, all, done),
    phase === "watching" ? h("div", { class: "buttons" }, h("button", { class: "button", type: "button", "data-k": "close", onclick: act.cancel }, t.replay.close)) : null,
  );
}

function bar(t, f, counts, all, done) {
  const parts = [["finished", counts.finished], ["again", counts.again], ["running", counts.running]];
  const left = ["left", Math.max(0, all - done - counts.running)];
  const told = [...parts, left].filter(([name, value]) => value || name === "finished");
  const segments = parts.map(([name, value]) => {
    const part = h("span", { class: `part ${name}` });
    part.style.width = `${all ? (100 * Math.min(value, all)) / all : 0}%`;
    return part;
  });
  const label = t.replay.progress(f.number(done), f.number(all));
  return [
    h("div", { class: "meter", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": String(all), "aria-valuenow": String(done), "aria-label": label }, segments),
    h("ul", { class: "counts" }, told.map(([name, value]) => h("li", { class: name }, h("b", {}, f.number(value)), ` ${t.replay[name]}`))),
  ];
}

function ended(t, f, act) {
  const { asked, sent, counts, failed } = state.flow;
  const text = sent && !counts.again ? t.replay.allDone(sent, f.number(sent)) : sent ? t.replay.someBack(counts.again, f.number(counts.again)) : t.replay.noneTaken;
  return h(
    "div",
    { class: `panel ${counts.again || failed.length ? "again" : "good"}`, id: "ended", tabindex: "-1" },
    h("h2", {}, text),
    sent ? bar(t, f, counts, sent, counts.finished + counts.again) : null,
    sent && sent + failed.length < asked ? h("p", { class: "quiet" }, t.replay.notAll(f.number(sent), f.number(asked))) : null,
    failed.length ? [h("p", {}, t.replay.failed(failed.length, f.number(failed.length))), h("ul", { class: "failed" }, failed.slice(0, 20).map((each) => h("li", {}, h("code", {}, each.key), ` ${each.reason}`)))] : null,
    h("div", { class: "buttons" }, h("button", { class: "button", type: "button", "data-k": "close", onclick: act.cancel }, t.replay.close)),
  );
}
