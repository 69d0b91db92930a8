// Everything around the jobs: tasks with hold and release, facts, notices, the bar, signing in.

import { ICONS, h, icon } from "./dom.js";
import { heldTasks, readOnly, state } from "./store.js";

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

export const tasksSignature = (now) => [state.lang, state.status?.tasks, readOnly(), now.toDateString()];

function card(t, f, act, task) {
  const held = task.limit === 0;
  const inside = f.number(task.inside);
  const text = held ? (task.inside ? t.tasks.heldInside(inside) : t.tasks.held) : t.tasks.inside(inside, f.number(task.limit));
  return h(
    "div",
    { class: `task${held ? " held" : ""}` },
    h("h3", {}, task.task),
    h("p", { class: "quiet" }, text),
    held ? null : slots(task),
    task.ramp ? h("p", { class: "ramp" }, ramped(t, f, task.ramp)) : null,
    readOnly() ? null : h("div", { class: "buttons" }, holdButton(t, act, task, held), held ? null : limit(t, act, task)),
  );
}

/** The sentence of the ramp, with its times as the reader's clock shows them. */
function ramped(t, f, { code, values, times }) {
  const moments = Object.entries(times).map(([name, text]) => [name, f.moment(text)]);
  const parts = { ...values, ...Object.fromEntries(moments) };
  return (t.ramp[code] ?? "").replace(/\{(\w+)\}/g, (_, name) => parts[name] ?? "?");
}

function slots(task) {
  const shown = Math.min(Math.max(task.limit, task.inside), 40);
  const dots = Array.from({ length: shown }, (_, n) => h("i", { class: n < task.inside ? "taken" : "" }));
  return h("p", { class: "slots", "aria-hidden": "true" }, dots);
}

function holdButton(t, act, task, held) {
  const [text, name, mark] = held
    ? [t.tasks.release, t.tasks.releaseName(task.task), ICONS.release]
    : [t.tasks.hold, t.tasks.holdName(task.task), ICONS.hold];
  const to = held ? null : 0;
  return h("button", { class: `button${held ? " primary" : ""}`, type: "button", "data-k": `hold ${task.task}`, "aria-label": name, onclick: () => act.setLimit(task.task, to) }, icon(mark), text);
}

function limit(t, act, task) {
  const submit = (event) => {
    event.preventDefault();
    const field = event.target.elements.limit;
    if (/^[0-9]{1,4}$/.test(field.value)) act.setLimit(task.task, Number(field.value));
    else field.focus();
  };
  return h(
    "form",
    { class: "limit", onsubmit: submit },
    h("label", {}, h("span", {}, t.tasks.at), h("input", { name: "limit", inputmode: "numeric", pattern: "[0-9]{1,4}", required: true, autocomplete: "off", "data-k": `limit ${task.task}`, "aria-label": t.tasks.limitName(task.task), value: task.limit }), h("span", {}, t.tasks.once)),
    h("button", { class: "button small plain", "data-k": `set ${task.task}`, "aria-label": t.tasks.setName(task.task) }, t.tasks.set),
  );
}

export const factsSignature = (now) => {
  const { status, lang } = state;
  return [lang, status && [status.jobs, status.trigger, status.schedule, status.next_loss, status.stage], now.toDateString()];
};

export function facts(t, f) {
  const { status } = state;
  if (!status) return null;
  const { schedule, next_loss: loss } = status;
  const told = [
    [t.facts.running, f.number(status.jobs.running)],
    [t.facts.waiting, f.number(status.jobs.parked)],
    [t.facts.stuck, f.number(status.jobs.stuck)],
    [t.facts.trigger, t.facts.triggers[status.trigger] ?? status.trigger],
    [t.facts.schedule, schedule ? clock(t, f, schedule) : t.facts.none],
    [t.facts.loss, loss ? t.facts.lost(loss.key, f.date(loss.at)) : t.facts.never, loss ? "danger" : ""],
  ];
  return h(
    "section",
    { class: "facts", "aria-labelledby": "facts-title" },
    h("h2", { id: "facts-title" }, t.facts.title),
    h("dl", { class: "card" }, told.map(([name, text, mark]) => h("div", { class: mark || null }, h("dt", {}, name), h("dd", {}, text)))),
  );
}

/** `Every 2 hours`; a cron expression stays as it is, with its zone. */
function clock(t, f, { expression, timezone, max }) {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  const when = rate ? t.facts.every(Number(rate[1]), rate[2]) : `${expression} ${timezone}`;
  return [when, h("span", { class: "quiet" }, t.facts.most(f.number(max)))];
}

export const noticesSignature = () => [state.lang, state.lostAt, state.notices, heldTasks().map((task) => task.task), readOnly()];

export function notices(t, f, act) {
  const lost = state.lostAt && h(
    "div",
    { class: "notice lost", role: "alert" },
    h("p", {}, h("b", {}, t.offline.title(f.clock(state.lostAt))), ` ${t.offline.lead}`),
    h("button", { class: "button small", type: "button", "data-k": "retry", onclick: act.retry }, t.offline.retry),
  );
  const held = heldTasks().map((task) => h(
    "div",
    { class: "notice held" },
    h("p", {}, icon(ICONS.hold), t.tasks.heldBanner(task.task)),
    readOnly() ? null : h("button", { class: "button small", type: "button", "data-k": `banner ${task.task}`, "aria-label": t.tasks.releaseName(task.task), onclick: () => act.setLimit(task.task, null) }, t.tasks.release),
  ));
  const wrong = state.notices.map((notice, n) => h(
    "div",
    { class: "notice wrong", role: "alert" },
    h("p", {}, h("b", {}, t.problem[notice.status] ?? t.problem.other), notice.text ? ` ${notice.text}` : ""),
    h("button", { class: "button small", type: "button", "data-k": `notice ${n}`, onclick: () => act.dismiss(n) }, t.replay.close),
  ));
  return [lost, ...wrong, ...held];
}

export const barSignature = () => [state.lang, state.status?.stage, state.signedIn];

export function bar(t, act) {
  const otherLang = state.lang === "en" ? "ja" : "en";
  return [
    h("p", { class: "brand" }, h("img", { src: "console/icon.svg", alt: "", width: "26", height: "26" }), h("span", {}, "respool"), state.status ? h("span", { class: "stage" }, h("span", { class: "unseen" }, t.stage("")), state.status.stage.replace(/^respool-/, "")) : null),
    h(
      "div",
      { class: "tools" },
      h("button", { class: "button plain small", type: "button", lang: otherLang, id: "language", "data-k": "language", onclick: act.switchLanguage }, t.language),
      state.signedIn ? h("button", { class: "button plain small", type: "button", id: "lock", "data-k": "lock", "aria-label": t.lock, title: t.lock, onclick: act.lock }, icon(ICONS.lock)) : null,
    ),
  ];
}

export const signInSignature = () => [state.lang, "sign-in", state.problem];

export function signIn(t, act) {
  const submit = (event) => {
    event.preventDefault();
    const given = event.target.elements.token.value.trim();
    if (given) act.signIn(given);
  };
  return h(
    "form",
    { class: "sign-in", onsubmit: submit },
    h("h1", {}, t.signIn.title),
    h("p", { class: "lead" }, t.signIn.lead),
    h("label", { for: "token" }, t.signIn.label),
    h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false", "data-k": "token", "aria-describedby": state.problem ? "token-problem" : null, "aria-invalid": state.problem ? "true" : null }),
    state.problem ? h("p", { class: "wrong", id: "token-problem", role: "alert" }, t.signIn[state.problem]) : null,
    h("button", { class: "button primary big" }, t.signIn.button),
    h("p", { class: "quiet" }, t.signIn.help),
  );
}
