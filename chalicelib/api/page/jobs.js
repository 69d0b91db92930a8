// The jobs, grouped by what went wrong; each with its own buttons.

import { ICONS, h, icon } from "./dom.js";
import { listId, readOnly, state } from "./store.js";

const FIND_FROM = 8;

const many = () => {
  const jobs = state.status?.jobs;
  return jobs ? jobs.running + jobs.parked + jobs.stuck : 0;
};

/** The field stands apart from what it finds, so that nothing redraws it while somebody types. */
export const headSignature = () => [state.lang, many() > 0, many() >= FIND_FROM || Boolean(state.search)];

export function head(t, act) {
  if (!many()) return null;
  const search = many() >= FIND_FROM || state.search;
  return h("div", { class: "head" }, h("h2", { id: "jobs-title" }, t.list.title), search ? find(t, act) : null);
}

function find(t, act) {
  const typed = (event) => event.isComposing || act.find(event.target.value);
  return h(
    "div",
    { class: "find" },
    icon(ICONS.find),
    h("input", { type: "search", "data-k": "find", id: "find", "aria-label": t.list.find, placeholder: t.list.find, maxlength: "200", autocomplete: "off", spellcheck: "false", value: state.search, oninput: typed, oncompositionend: typed }),
  );
}

export function jobsSignature(now) {
  const { groups, lists, search, lang, busy, status, flow } = state;
  const free = flow.phase === "idle" || flow.phase === "ended";
  return [lang, groups, [...lists], [...busy], search, status?.jobs, status?.complete, readOnly(), free, now.toDateString()];
}

export function jobs(t, f, act) {
  const { status, groups } = state;
  if (!status || !groups || !many()) return null;
  return [
    status.complete ? null : h("p", { class: "warning" }, t.list.incomplete),
    state.search ? found(t, f, act) : null,
    groups.map((group) => card(t, f, act, group)),
    status.jobs.running ? running(t, f, act) : null,
  ];
}

function found(t, f, act) {
  const list = state.lists.get("search") ?? { jobs: [], loading: true };
  return h(
    "div",
    { class: "group found" },
    h("h3", {}, t.list.found(state.search)),
    list.jobs.length || list.loading ? table(t, f, act, "search", list, {}) : h("p", { class: "quiet" }, t.list.none),
  );
}

function card(t, f, act, group) {
  const id = listId(group);
  const list = state.lists.get(id);
  const name = group.error || t.list.noError;
  return h(
    "div",
    { class: `group ${group.state}` },
    h(
      "div",
      { class: "title" },
      h("h3", {}, h("span", { class: "error" }, name), group.state === "stuck" ? h("span", { class: "chip stuck" }, t.list.stuck) : null),
      h("p", { class: "quiet" }, h("b", {}, t.list.count(group.count, f.number(group.count))), ` · ${group.task} · ${f.span(group.oldest, group.newest)}`),
      h("div", { class: "buttons" }, replayGroup(t, f, act, group), toggle(t, act, id, name, list)),
    ),
    group.message ? h("p", { class: "message" }, group.message) : null,
    list?.open ? table(t, f, act, id, list, group) : null,
  );
}

function replayGroup(t, f, act, group) {
  const free = state.flow.phase === "idle" || state.flow.phase === "ended";
  if (readOnly() || !group.error || !free) return null;
  const text = t.list.group(group.count, f.number(group.count));
  return h("button", { class: "button small", type: "button", "data-k": `group ${listId(group)}`, "aria-label": `${text}: ${group.error}`, onclick: () => act.previewGroup(group) }, icon(ICONS.replay), text);
}

function toggle(t, act, id, name, list) {
  const open = Boolean(list?.open);
  const text = open ? t.list.hide : t.list.show;
  return h("button", { class: `button small plain${open ? " open" : ""}`, type: "button", "data-k": `open ${id}`, "aria-expanded": String(open), "aria-label": `${text}: ${name}`, onclick: () => act.toggle(id) }, icon(ICONS.more), text);
}

function running(t, f, act) {
  const id = "running";
  const count = state.status.jobs.running;
  const list = state.lists.get(id);
  return h(
    "div",
    { class: "group running" },
    h("div", { class: "title" }, h("h3", {}, t.list.running), h("p", { class: "quiet" }, h("b", {}, t.list.count(count, f.number(count)))), h("div", { class: "buttons" }, toggle(t, act, id, t.list.running, list))),
    list?.open ? table(t, f, act, id, list, {}) : null,
  );
}

function table(t, f, act, id, list, group) {
  const left = (list.total ?? 0) - list.jobs.length;
  return [
    h("ul", { class: "rows", "aria-busy": String(Boolean(list.loading)) }, list.jobs.map((job) => row(t, f, act, job, group, id))),
    list.cursor ? h("button", { class: "button plain", type: "button", "data-k": `more ${id}`, disabled: list.loading, onclick: () => act.more(id) }, icon(ICONS.more), t.list.more(f.number(left))) : null,
  ];
}

function row(t, f, act, job, group, id) {
  const other = job.error.message && job.error.message !== group.message;
  return h(
    "li",
    { class: `row ${job.state}` },
    h(
      "div",
      { class: "what" },
      h("p", { class: "key" }, job.key),
      h("p", { class: "quiet" }, facts(t, f, job, id)),
      other ? h("p", { class: "message" }, job.error.message) : null,
    ),
    h("div", { class: "buttons" }, buttons(t, act, job, id), consoleLink(t, job)),
  );
}

function facts(t, f, job, id) {
  const states = { stuck: t.list.stuck, parked: t.list.parked, running: t.list.runningState };
  const told = [
    id === "search" ? states[job.state] : "",
    id === "search" && job.error.name && job.state !== "running" ? job.error.name : "",
    job.attempt ? t.list.attempts(job.attempt, f.number(job.attempt)) : "",
    job.state === "running" && job.started_at ? t.list.started(f.moment(job.started_at)) : "",
    job.attempt && job.first_failed_at ? t.list.first(f.moment(job.first_failed_at)) : "",
    job.attempt > 1 && job.last_failed_at ? t.list.last(f.moment(job.last_failed_at)) : "",
  ];
  return told.filter(Boolean).join(" · ");
}

function buttons(t, act, job, id) {
  const busy = state.busy.get(job.id);
  if (busy) return h("span", { class: "chip" }, busy === "back" ? t.list.back : t.list.working);
  if (job.state === "running" || readOnly()) return null;
  return [
    h("button", { class: "button small", type: "button", "data-k": `replay ${id} ${job.id}`, "aria-label": t.list.replayName(job.key), onclick: () => act.replayJob(job) }, t.list.replay),
    h("button", { class: "button small plain", type: "button", "data-k": `end ${id} ${job.id}`, "aria-label": t.list.giveUpName(job.key), onclick: () => act.giveUp(job) }, t.list.giveUp),
  ];
}

function consoleLink(t, job) {
  if (!job.link?.startsWith("https://")) return null;
  return h("a", { class: "out", href: job.link, target: "_blank", rel: "noopener noreferrer", "aria-label": t.list.linkName(job.key) }, t.list.link, icon(ICONS.out));
}
