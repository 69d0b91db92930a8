// The panel beside the headline: how many, what will happen, what is under way, what became of it.

import { ICONS, foreign, h, icon, withoutArns } from "./dom.js";
import { readCount } from "./number.js";
import { outcomes } from "./replaying.js";
import { closedTasks, readOnly, state, waiting, wanted } from "./store.js";

const ORDER = ["finished", "again", "inside", "line", "way", "unknown", "given-up", "stopped", "left", "gone"];
const BAR = ["finished", "again", "stopped", "given-up", "inside", "line"];
const MOST_NAMED = 20; // jobs that could not be put back, by name

export function panelSignature() {
  const { flow } = state;
  const known = state.status && [waiting(), state.status.spooled];
  return [known, { ...flow, reason: null, jobs: null, keys: null }, flow.jobs ? outcomes() : null, readOnly()];
}

export function panel(t, f, act) {
  const panels = { idle, looking, preview, sending: progress, watching: progress, ended };
  return panels[state.flow.phase](t, f, act);
}

function idle(t, f, act) {
  const { most, count } = wanted();
  if (!most) return notes(t, f, act);
  if (readOnly()) return h("p", { class: "quiet" }, t.readOnly);
  const button = h("span", {}, t.replay.button(count, f.number(count)));
  return h(
    "form",
    { class: "act", onsubmit: (event) => submit(event, act) },
    most > 1 ? stepper(t, f, act, most, button) : null,
    h("button", { class: "button primary big", type: "submit", "data-k": "replay", id: "replay" }, icon(ICONS.replay), button),
    h("p", { class: "quiet" }, t.replay.hint(count)),
  );
}

/** What stands in the field at that moment counts, whether or not it has told of a change. */
function submit(event, act) {
  event.preventDefault();
  const field = event.target.elements.count;
  if (!field || act.setCount(field.value)) return act.preview();
  return field.dispatchEvent(new Event("refused"));
}

/** Everything here changes in place: nothing is redrawn under somebody's fingers. */
function stepper(t, f, act, most, button) {
  const field = h("input", { id: "count", name: "count", inputmode: "numeric", autocomplete: "off", "data-k": "count", "aria-describedby": "count-wrong", value: state.typing ?? wanted().count });
  const wrong = h("p", { class: "wrong", id: "count-wrong", role: "alert" });
  const all = h("button", { type: "button", class: "all", "data-k": "all", onclick: () => set(null) }, `${t.replay.all} ${f.number(most)}`);
  const refresh = (value) => {
    if (value !== undefined) field.value = value;
    const { value: typed = wanted().count } = readCount(field.value, most);
    button.textContent = t.replay.button(typed, f.number(typed));
    all.setAttribute("aria-pressed", String(typed === most));
    wrong.textContent = state.wrongCount ? wrongText(t, f, state.wrongCount, most) : "";
    field.toggleAttribute("aria-invalid", Boolean(state.wrongCount));
  };
  const set = (value) => {
    act.setCount(value);
    refresh(wanted().count);
  };
  const typed = (event) => {
    state.typing = field.value;
    if (!event.isComposing) refresh();
  };
  field.addEventListener("input", typed);
  field.addEventListener("compositionend", typed);
  field.addEventListener("change", () => set(field.value));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // by itself it would tell of a change first, which puts the last number back
    field.form.requestSubmit();
  });
  field.addEventListener("refused", () => refresh(wanted().count));
  const step = (by, name, sign) => h("button", { type: "button", class: "step", "aria-label": name, "data-k": `step${sign}`, onclick: () => set(String(Math.min(most, Math.max(1, wanted().count + by)))) }, sign);
  refresh();
  return h(
    "div",
    { class: "stepper" },
    h("label", { for: "count" }, t.replay.howMany),
    h("div", { class: "field" }, step(-1, t.replay.fewer, "−"), field, step(1, t.replay.more, "+"), all),
    wrong,
  );
}

function wrongText(t, f, { text, problem }, most) {
  return t.replay.wrong[problem](foreign(text).slice(0, 40), f.number(most), f.number(wanted().count));
}

/** Nothing waits, but notes lie on the spool: somebody may look what they are. */
function notes(t, f, act) {
  const { spooled } = state.status;
  if (!spooled || waiting().known) return null;
  return h(
    "div",
    { class: "act" },
    h("p", { class: "quiet" }, t.replay.notes(spooled, f.number(spooled))),
    readOnly() ? null : h("button", { class: "button", type: "button", id: "replay", "data-k": "replay", onclick: act.previewNotes }, t.replay.lookAtNotes),
  );
}

function looking(t) {
  return h("div", { class: "panel" }, h("p", { class: "working" }, t.replay.looking));
}

function preview(t, f, act) {
  const { plan, count, only, reason, rest, why, keys } = state.flow;
  const lines = ["resume", "redrive", "restart", "line", "stale", "stuck"]
    .filter((action) => plan[action])
    .map((action) => h("li", { class: action }, t.replay[action](plan[action], f.number(plan[action]))));
  return h(
    "form",
    { class: "panel", id: "preview", tabindex: "-1", "aria-labelledby": "preview-title", onsubmit: (event) => (event.preventDefault(), count > 1 && keys.length ? act.tryOne() : act.run()) },
    h("h2", { id: "preview-title" }, t.replay.preview),
    only ? h("p", { class: "only" }, onlyText(t, f, only)) : null,
    lines.length ? h("ul", { class: "plan" }, lines) : h("p", {}, t.replay.nothing),
    !count && why ? h("p", { class: "quiet" }, foreign(withoutArns(why))) : null,
    rest ? h("p", { class: "quiet" }, t.replay.sample(f.number(keys.length), f.number(count))) : null,
    count ? closedTasks().map((task) => h("p", { class: "warning" }, t.replay.closed(task.task, count))) : null,
    count ? reasonField(t, act, reason) : null,
    h(
      "div",
      { class: "buttons" },
      count ? goButtons(t, f, act, count, keys.length) : null,
      h("button", { class: "button", type: "button", "data-k": "cancel", onclick: act.cancel }, count ? t.replay.cancel : t.replay.close),
    ),
  );
}

/** The safe way first: one job, and the others once it has come through. */
function goButtons(t, f, act, count, named) {
  const all = t.replay.go(count, f.number(count));
  if (count === 1 || !named) return h("button", { class: "button primary", "data-k": "go", id: "go" }, icon(ICONS.replay), all);
  return [
    h("button", { class: "button primary", "data-k": "try", id: "try" }, icon(ICONS.replay), t.replay.tryOne),
    h("button", { class: "button", type: "button", "data-k": "go", id: "go", onclick: act.run }, all),
  ];
}

function onlyText(t, f, only) {
  if (only.chosen) return t.replay.onlyChosen(only.chosen, f.number(only.chosen));
  if (only.error === undefined) return t.replay.onlyTask(only.task);
  const stuck = only.stuck ? ` · ${t.replay.onlyStuck}` : "";
  return foreign(`${t.replay.only(only.error, only.task)}${stuck}`);
}

function reasonField(t, act, reason) {
  return h(
    "p",
    { class: "reason" },
    h("label", { for: "why" }, t.replay.reason),
    h("input", { id: "why", "data-k": "why", maxlength: "300", autocomplete: "off", value: reason ?? "", oninput: (event) => act.setReason(event.target.value) }),
  );
}

function progress(t, f, act) {
  const { phase, asked, sent, lost, unsure } = state.flow;
  const sending = phase === "sending";
  const title = sending ? t.replay.sending(f.number(sent), f.number(asked)) : t.replay.sent(sent, f.number(sent));
  return h(
    "div",
    { class: "panel", id: "progress", tabindex: "-1" },
    h("h2", {}, title),
    bar(t, f, sending ? asked : Math.max(sent, state.flow.jobs.size)),
    lost ? h("p", { class: "warning" }, t.replay.lost) : null,
    unsure ? h("p", { class: "warning" }, t.replay.unsure(unsure, f.number(unsure))) : null,
    h("p", { class: "quiet" }, sending ? t.replay.stay(asked - sent, f.number(asked - sent)) : t.replay.leave(sent)),
    sending ? null : h("div", { class: "buttons" }, closeButton(t, act)),
  );
}

const closeButton = (t, act) => h("button", { class: "button", type: "button", "data-k": "close", onclick: act.cancel }, t.replay.close);

function bar(t, f, all) {
  const counts = outcomes();
  const done = all ? BAR.filter((name) => !["inside", "line"].includes(name)).reduce((sum, name) => sum + counts[name], 0) : 0;
  const segments = BAR.map((name) => {
    const part = h("span", { class: `part ${name}` });
    part.style.width = `${all ? (100 * Math.min(counts[name], all)) / all : 0}%`;
    return part;
  });
  const told = ORDER.filter((name) => counts[name] || name === "finished");
  return [
    h("div", { class: "meter", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": String(all), "aria-valuenow": String(done), "aria-label": t.replay.progress(f.number(done), f.number(all)) }, segments),
    h("ul", { class: "counts" }, told.map((name) => h("li", { class: name }, h("b", {}, f.number(counts[name])), ` ${t.outcome[name]}`))),
  ];
}

function ended(t, f, act) {
  const { sent, failed, asked, lost, unsure, jobs } = state.flow;
  const counts = outcomes();
  const bad = counts.again + counts.stopped + counts["given-up"] + counts.left + counts.gone;
  const missing = asked - sent - failed.length;
  const others = state.flow.tried ? state.flow.tried.count - 1 : 0;
  const worked = counts.finished === 1;
  return h(
    "div",
    { class: `panel ${bad || failed.length || lost ? "again" : "good"}`, id: "ended", tabindex: "-1" },
    h("h2", {}, endedText(t, f, counts)),
    sent || jobs.size ? bar(t, f, Math.max(sent, jobs.size)) : null,
    lost ? h("p", { class: "warning" }, t.replay.wasLost) : null,
    unsure ? h("p", { class: "warning" }, t.replay.unsure(unsure, f.number(unsure))) : null,
    !lost && sent && missing > 0 ? h("p", { class: "quiet" }, t.replay.notAll(f.number(sent), f.number(asked), missing)) : null,
    failed.length ? [h("p", {}, t.replay.failed(failed.length, f.number(failed.length))), h("ul", { class: "failed" }, failed.slice(0, MOST_NAMED).map(refusal))] : null,
    others ? h("p", { class: "quiet" }, worked ? t.replay.worked : t.replay.othersWait(others, f.number(others))) : null,
    h("div", { class: "buttons" }, others ? othersButton(t, f, act, others, worked) : null, closeButton(t, act)),
  );
}

/** What is left to do after one was tried: the obvious next step only where it has worked. */
function othersButton(t, f, act, others, worked) {
  const text = t.replay.others(others, f.number(others));
  return h("button", { class: worked ? "button primary" : "button", type: "button", "data-k": "others", id: "others", onclick: act.runOthers }, icon(ICONS.replay), text);
}

const refusal = ({ key, reason }) => h("li", {}, h("code", {}, h("bdi", {}, foreign(key))), ` ${foreign(withoutArns(reason))}`);

/** Only what is so: jobs that were given up or stopped meanwhile have not finished. */
function endedText(t, f, counts) {
  const { sent, lost, jobs, unsure } = state.flow;
  if (!sent && !jobs.size) return lost ? t.replay.nothingKnown : t.replay.noneTaken;
  if (lost && !sent && counts.left === jobs.size) return t.replay.noneTaken;
  if (counts.finished && counts.finished === Math.max(sent, jobs.size) && !unsure) return t.replay.allDone(counts.finished, f.number(counts.finished));
  return t.replay.mixed([
    [counts.finished, t.outcome.finished],
    [counts.again, t.outcome.again],
    [counts["given-up"], t.outcome["given-up"]],
    [counts.stopped, t.outcome.stopped],
    [counts.left, t.outcome.left],
    [counts.gone, t.outcome.gone],
  ].filter(([n]) => n).map(([n, text]) => `${f.number(n)} ${text}`));
}
