// The panel beside the headline: how many, what will happen, what is under way, what became of it.

import { ICONS, foreign, h, icon } from "./dom.js";
import { readCount } from "./number.js";
import { reason as because } from "./reasons.js";
import { closedTasks, readOnly, state, waiting, wanted } from "./store.js";

const ORDER = ["finished", "failed", "running", "line", "waiting", "given-up", "aborted", "unknown"];
const ENDED = ["finished", "failed", "aborted", "given-up", "unknown"];
const BAR = ["finished", "failed", "aborted", "given-up", "running", "line"];

export function panelSignature() {
  const { flow } = state;
  const known = state.status && [waiting(), state.status.spooled];
  return [known, { ...flow, reason: null, ids: null, others: flow.others?.count }, readOnly()];
}

export function panel(t, f, act) {
  const panels = { idle, looking, preview, following: progress, ended };
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
  const { plan, count, only, reason, more, why, comesTo, bare } = state.flow;
  const lines = ["resume", "redrive", "restart", "line", "stale", "stuck"]
    .filter((action) => plan[action])
    .map((action) => h("li", { class: action }, t.replay[action](plan[action], f.number(plan[action]))));
  return h(
    "form",
    { class: "panel", id: "preview", tabindex: "-1", "aria-labelledby": "preview-title", onsubmit: (event) => (event.preventDefault(), count > 1 && !bare ? act.tryOne() : act.run()) },
    h("h2", { id: "preview-title" }, t.replay.preview),
    only ? h("p", { class: "only" }, onlyText(t, f, only)) : null,
    lines.length ? h("ul", { class: "plan" }, lines) : h("p", {}, t.replay.nothing),
    !count && why ? h("p", { class: "quiet" }, because(t, why)) : null,
    more ? h("p", { class: "quiet" }, t.replay.sample(count, f.number(count))) : null,
    count && comesTo ? h("p", { class: "quiet", id: "comes-to" }, t.replay.comesTo(told(f, comesTo))) : null,
    count ? closedTasks().map((task) => h("p", { class: "warning" }, t.replay.closed(task.task, count))) : null,
    count ? reasonField(t, act, reason) : null,
    h(
      "div",
      { class: "buttons" },
      count ? goButtons(t, f, act, count, bare) : null,
      h("button", { class: "button", type: "button", "data-k": "cancel", onclick: act.cancel }, count ? t.replay.cancel : t.replay.close),
    ),
  );
}

/** When, how much, how hard, and how many stuck: as people say it; what is unknown is null. */
function told(f, { finish_at: at, dollars, calls_per_hour: calls, stuck_if_failed: stuck }) {
  return {
    at: at && f.moment(at),
    price: dollars === null ? null : f.dollars(dollars),
    calls,
    callsShown: calls === null ? "" : f.number(calls),
    stuck,
    stuckShown: f.number(stuck),
  };
}

/** The safe way first: one job, and the others once it has come through. */
function goButtons(t, f, act, count, bare) {
  const all = t.replay.go(count, f.number(count));
  if (count === 1 || bare) return h("button", { class: "button primary", "data-k": "go", id: "go" }, icon(ICONS.replay), all);
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
  const { count, replay, lostAt } = state.flow;
  const told = replay?.put_back ?? 0;
  const running = !replay || replay.state === "running";
  return h(
    "div",
    { class: "panel", id: "progress", tabindex: "-1" },
    h("h2", {}, running ? t.replay.putting(f.number(told), f.number(count)) : t.replay.sent(told, f.number(told))),
    meter(t, f, replay, count),
    lostAt && !replay ? h("p", { class: "warning" }, t.replay.lost) : h("p", { class: "quiet" }, t.replay.leave),
    h("div", { class: "buttons" }, replay && running ? stopButton(t, act, replay) : null, closeButton(t, act)),
  );
}

const closeButton = (t, act) => h("button", { class: "button", type: "button", "data-k": "close", onclick: act.cancel }, t.replay.close);

/** While the server goes on with a replay; what it has begun with goes. */
export function stopButton(t, act, replay) {
  if (replay.stopped_at) return h("p", { class: "quiet" }, t.replay.stopping(foreign(replay.stopped_by)));
  return h("button", { class: "button", type: "button", "data-k": `stop ${replay.id}`, onclick: () => act.stop(replay.id) }, t.replay.stop);
}

/** How many of a replay's jobs came to what. */
export function meter(t, f, replay, all) {
  const counts = replay?.outcomes ?? {};
  const whole = Math.max(all, replay?.put_back ?? 0);
  const done = ENDED.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  const segments = BAR.map((name) => {
    const part = h("span", { class: `part ${name}` });
    part.style.width = `${whole ? (100 * Math.min(counts[name] ?? 0, whole)) / whole : 0}%`;
    return part;
  });
  const told = ORDER.filter((name) => counts[name] || name === "finished");
  return [
    h("div", { class: "meter", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": String(whole), "aria-valuenow": String(done), "aria-label": t.replay.progress(f.number(done), f.number(whole)) }, segments),
    h("ul", { class: "counts" }, told.map((name) => h("li", { class: name }, h("b", {}, f.number(counts[name] ?? 0)), ` ${t.outcome[name]}`))),
  ];
}

function ended(t, f, act) {
  const { replay, count, others, lostAt } = state.flow;
  if (!replay) return notBegun(t, act, lostAt);
  const { put_back: back, outcomes, failed, refused } = replay;
  const missing = count - back - refused;
  const worked = back > 0 && outcomes.finished === back;
  const bad = outcomes.finished !== back || refused;
  return h(
    "div",
    { class: `panel ${bad ? "failed" : "good"}`, id: "ended", tabindex: "-1" },
    h("h2", {}, endedText(t, f, replay)),
    back ? meter(t, f, replay, back) : null,
    replay.stopped_by ? h("p", { class: "warning" }, t.replay.stopped(foreign(replay.stopped_by))) : null,
    back && missing > 0 && !replay.stopped_by ? h("p", { class: "quiet" }, t.replay.notAll(f.number(back), f.number(count), missing)) : null,
    refused ? [h("p", {}, t.replay.failed(refused, f.number(refused))), h("ul", { class: "refused" }, failed.map((each) => refusal(t, each)))] : null,
    others ? h("p", { class: "quiet" }, worked ? t.replay.worked(count) : t.replay.othersWait(others.count, f.number(others.count))) : null,
    h("div", { class: "buttons" }, others ? othersButtons(t, f, act, others, worked, count) : null, closeButton(t, act)),
  );
}

/** The server knows of no such replay, long after it was asked for. */
function notBegun(t, act, lostAt) {
  return h(
    "div",
    { class: "panel failed", id: "ended", tabindex: "-1" },
    h("h2", {}, t.replay.noneTaken),
    lostAt ? h("p", { class: "warning" }, t.replay.neverCame) : null,
    h("div", { class: "buttons" }, closeButton(t, act)),
  );
}

/** What is left to do after some were tried: the obvious next step only where they have worked. */
function othersButtons(t, f, act, others, worked, tried) {
  const next = tried * 2;
  const all = h("button", { class: worked ? "button primary" : "button", type: "button", "data-k": "others", id: "others", onclick: () => act.runOthers(others.count) }, icon(ICONS.replay), t.replay.others(others.count, f.number(others.count)));
  if (!worked || next >= others.count) return all;
  return [all, h("button", { class: "button", type: "button", "data-k": "next", id: "next", onclick: () => act.runOthers(next) }, t.replay.next(next, f.number(next)))];
}

const refusal = (t, { key, reason }) => h("li", {}, h("code", {}, h("bdi", {}, foreign(key))), ` ${because(t, reason)}`);

/** Only what is so: jobs that were given up or stopped meanwhile have not finished. */
function endedText(t, f, { put_back: back, outcomes }) {
  if (!back) return t.replay.noneTaken;
  if (outcomes.finished === back) return t.replay.allDone(back, f.number(back));
  return t.replay.mixed(cameTo(t, f, outcomes));
}

/** `57 finished`, `3 failed again`: what became of jobs, the best first. */
export const cameTo = (t, f, outcomes) => ORDER.filter((name) => outcomes[name]).map((name) => `${f.number(outcomes[name])} ${t.outcome[name]}`);
