// The jobs, grouped by what went wrong; each with its own buttons.

import { ICONS, foreign, h, icon } from "./dom.js";
import { reason } from "./reasons.js";
import { rows } from "./rows.js";
import { isFree, listId, machines, readOnly, state } from "./store.js";

const SHOWN = 8; // groups that are shown until somebody asks for more
const SORTS = {
  count: (a, b) => b.count - a.count || (a.oldest < b.oldest ? -1 : 1),
  oldest: (a, b) => (a.oldest < b.oldest ? -1 : 1),
  error: (a, b) => a.error.localeCompare(b.error) || b.count - a.count,
};

const shownGroups = () => state.groups.groups.filter((group) => ["task", "machine"].every((name) => !state[name] || group[name] === state[name]));

/** The field stands apart from what it finds, so that nothing redraws it while somebody types. */
export const headSignature = () => [state.lang, Boolean(state.status && state.groups), names(), machines(), state.task, state.machine, state.sort, (state.groups?.groups.length ?? 0) > 1];

const names = () => (state.status?.tasks ?? []).map((task) => task.task);

export function head(t, act) {
  if (!state.status || !state.groups) return null;
  const sorts = Object.keys(SORTS).map((name) => [name, t.list.sorts[name]]);
  const tasks = [["", t.list.allTasks], ...names().map((name) => [name, name])];
  const served = [["", t.list.allMachines], ...machines().map((name) => [name, name])];
  return h(
    "div",
    { class: "head" },
    h("h2", { id: "jobs-title" }, t.list.title),
    h(
      "div",
      { class: "narrow" },
      find(t, act),
      machines().length ? select("machine", t.list.machine, served, act) : null,
      names().length > 1 ? select("task", t.list.task, tasks, act) : null,
      state.groups.groups.length > 1 ? select("sort", t.list.sort, sorts, act) : null,
    ),
  );
}

function select(name, label, options, act) {
  const made = options.map(([value, text]) => h("option", { value, selected: state[name] === value }, text));
  return h("select", { "aria-label": label, id: name, "data-k": name, onchange: (event) => act.narrow({ [name]: event.target.value }) }, made);
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
  const { groups, lists, search, lang, singles, status, chosen, shown, task, machine, sort, allGroups } = state;
  return [lang, groups, [...lists], [...singles], [...chosen.keys()], shown, search, task, machine, sort, allGroups, status?.jobs, status?.complete, readOnly(), isFree(), now.toDateString()];
}

export function jobs(t, f, act) {
  const { status, groups } = state;
  if (!status || !groups) return null;
  const sorted = shownGroups().toSorted(SORTS[state.sort]);
  const shown = state.allGroups ? sorted : sorted.slice(0, SHOWN);
  const rest = sorted.slice(shown.length);
  return [
    groups.complete ? null : h("p", { class: "warning" }, t.list.oldestOnly(f.number(groups.read))),
    state.chosen.size ? chosenBar(t, f, act) : null,
    state.singles.size ? singles(t, f, act) : null,
    state.search ? searched(t, f, act) : null,
    shown.map((group) => card(t, f, act, group)),
    rest.length ? moreGroups(t, f, act, rest) : null,
    groups.others.groups ? h("p", { class: "quiet" }, t.list.others(groups.others.groups, f.number(groups.others.groups), groups.others.count, f.number(groups.others.count))) : null,
    status.jobs.line ? plain(t, f, act, "line", status.jobs.line) : null,
    status.jobs.running ? plain(t, f, act, "running", status.jobs.running) : null,
  ];
}

function moreGroups(t, f, act, rest) {
  const count = rest.reduce((sum, group) => sum + group.count, 0);
  return h("button", { class: "button plain", type: "button", "data-k": "all-groups", onclick: () => act.narrow({ allGroups: true }) }, icon(ICONS.more), t.list.moreGroups(rest.length, f.number(rest.length), count, f.number(count)));
}

function chosenBar(t, f, act) {
  const count = state.chosen.size;
  return h(
    "div",
    { class: "chosen" },
    h("p", {}, t.list.chosen(count, f.number(count))),
    h(
      "div",
      { class: "buttons" },
      isFree() ? h("button", { class: "button small primary", type: "button", "data-k": "chosen", onclick: act.previewChosen }, icon(ICONS.replay), t.list.group(count, f.number(count))) : null,
      h("button", { class: "button small plain", type: "button", "data-k": "chosen-none", onclick: act.chooseNone }, t.list.chooseNone),
    ),
  );
}

/** What became of jobs that were put back one by one: they leave their lists, and are told here. */
function singles(t, f, act) {
  const told = [...state.singles].map(([, job]) => h(
    "li",
    { class: `row single ${job.outcome}` },
    h("div", { class: "what" }, h("p", { class: "key" }, h("bdi", {}, foreign(job.key))), job.why ? h("p", { class: "quiet" }, reason(t, job.why)) : null),
    h("span", { class: `chip ${job.outcome}` }, t.outcome.one[job.outcome]),
  ));
  return h(
    "div",
    { class: "group singles", role: "status" },
    h("div", { class: "title" }, h("h3", {}, t.list.singles), h("div", { class: "buttons" }, h("button", { class: "button small plain", type: "button", "data-k": "singles", onclick: act.forgetSingles }, t.replay.close))),
    h("ul", { class: "rows" }, told),
  );
}

function searched(t, f, act) {
  const list = state.lists.get("search") ?? { jobs: [], loading: true };
  const none = list.cursor ? t.list.noneYet : t.list.none;
  return h(
    "div",
    { class: "group found" },
    h("h3", {}, t.list.found(foreign(state.search))),
    list.jobs.length || list.loading ? null : h("p", { class: "quiet" }, none),
    rows(t, f, act, "search", list, {}),
  );
}

function card(t, f, act, group) {
  const id = listId(group);
  const list = state.lists.get(id);
  const name = group.error ? foreign(group.error) : t.list.noError;
  return h(
    "div",
    { class: `group ${group.state}` },
    h(
      "div",
      { class: "title" },
      h("h3", {}, h("span", { class: "error" }, name), group.state === "stuck" ? h("span", { class: "chip stuck" }, t.list.states.stuck) : null),
      h("p", { class: "quiet" }, h("b", {}, t.list.count(group.count, f.number(group.count))), machines().length ? ` · ${foreign(group.machine)}` : "", ` · ${foreign(group.task)} · `, h("span", { class: "span" }, f.span(group.oldest, group.newest))),
      h("div", { class: "buttons" }, replayGroup(t, f, act, group, name), toggle(t, act, id, name, list)),
    ),
    messages(t, f, group),
    list?.open ? rows(t, f, act, id, list, group) : null,
  );
}

/** The different messages of a group, the most frequent first, each with how many said it. */
function messages(t, f, group) {
  const several = group.kinds > 1 || group.looked_at < group.count;
  const said = group.messages.filter(({ message }) => message).map(({ message, count }) => h(
    "li",
    { class: "message", dir: "auto" },
    several ? h("b", {}, `${f.number(count)} × `) : null,
    foreign(message),
  ));
  const unread = group.count - group.looked_at;
  const more = group.kinds - group.messages.length;
  return [
    said.length ? h("ul", { class: "messages" }, said) : null,
    more > 0 ? h("p", { class: "quiet" }, t.now.moreKinds(more, f.number(more))) : null,
    unread > 0 && said.length ? h("p", { class: "quiet" }, t.list.unread(unread, f.number(unread))) : null,
  ];
}

function replayGroup(t, f, act, group, name) {
  if (readOnly() || !isFree()) return null;
  const text = t.list.group(group.count, f.number(group.count));
  if (!group.error) return null; // a replay can't ask for errors that have no name
  return h("button", { class: "button small", type: "button", "data-k": `group ${listId(group)}`, "aria-label": `${text}: ${name}`, onclick: () => act.previewGroup(group) }, icon(ICONS.replay), text);
}

function toggle(t, act, id, name, list) {
  const open = Boolean(list?.open);
  const text = open ? t.list.hide : t.list.show;
  return h("button", { class: `button small plain${open ? " open" : ""}`, type: "button", "data-k": `open ${id}`, "aria-expanded": String(open), "aria-label": `${text}: ${name}`, onclick: () => act.toggle(id) }, icon(ICONS.more), text);
}

/** Those in line, or in a task: nothing has to be done about them. */
function plain(t, f, act, id, count) {
  const list = state.lists.get(id);
  return h(
    "div",
    { class: `group ${id}` },
    h("div", { class: "title" }, h("h3", {}, t.list[id]), h("p", { class: "quiet" }, h("b", {}, t.list.count(count, f.number(count))), ` · ${t.list.about[id](count)}`), h("div", { class: "buttons" }, toggle(t, act, id, t.list[id], list))),
    list?.open ? rows(t, f, act, id, list, {}) : null,
  );
}
