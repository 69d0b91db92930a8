// What the buttons do.

import { Refused, call, token } from "./api.js";
import { ask } from "./dialog.js";
import { wanted } from "./hero.js";
import { changed, state, waiting } from "./store.js";
import { other, remember } from "./texts.js";
import { keen, load, loadMore, look, rest } from "./watch.js";

const LOOKED_AT = 100; // jobs that a preview looks at: each costs a call to Step Functions

export const act = {
  signIn(given) {
    token.set(given);
    Object.assign(state, { signedIn: true, problem: "" });
    changed();
    look();
  },

  lock() {
    rest();
    token.forget();
    Object.assign(state, { signedIn: false, status: null, groups: null, problem: "", flow: { phase: "idle" } });
    state.lists.clear();
    changed();
  },

  switchLanguage() {
    state.lang = other(state.lang);
    remember(state.lang);
    changed();
  },

  retry: look,

  dismiss(n) {
    state.notices.splice(n, 1);
    changed();
  },

  setCount(given) {
    const { most } = wanted();
    const usable = Number.isInteger(given) && given >= 1;
    state.count = given === null || !usable || given >= most ? null : given;
    state.countTyped = (state.countTyped ?? 0) + 1; // what was typed is replaced by what is meant
    changed();
  },

  setReason(text) {
    state.flow.reason = text;
  },

  preview() {
    const { count } = wanted();
    const { parked, stuck } = waiting();
    return preview(count, !parked && stuck ? { stuck: true } : {}, null);
  },

  previewGroup(group) {
    const stuck = group.state === "stuck";
    const filter = { task: group.task, error: group.error, ...(stuck ? { stuck } : {}) };
    return preview(group.count, filter, { task: group.task, error: group.error, stuck });
  },

  cancel() {
    state.flow = { phase: "idle" };
    state.focus = "replay";
    changed();
  },

  run,

  async replayJob(job) {
    state.busy.set(job.id, "working");
    changed();
    const done = await attempt(() => call("POST", `jobs/${job.id}/replay`, { body: {} }));
    if (done?.replayed) {
      state.busy.set(job.id, "back");
      setTimeout(() => (state.busy.delete(job.id), changed()), 5000);
    } else {
      state.busy.delete(job.id);
      if (done?.failed.length) notice(new Refused(409, done.failed[0].reason));
    }
    keen();
    look();
  },

  async giveUp(job) {
    const reason = await ask(job);
    if (!reason) return;
    const done = await attempt(() => call("POST", `jobs/${job.id}/give-up`, { body: { reason } }));
    if (done) state.said = (t) => t.giveUp.done(job.key);
    keen();
    look();
  },

  async setLimit(task, limit) {
    const told = await attempt(() => call("PUT", `tasks/${packed(task)}/limit`, { body: { limit } }));
    if (told && state.status) {
      const tasks = state.status.tasks.map((each) => (each.task === task ? told : each));
      state.status = { ...state.status, tasks };
      changed();
    }
    look();
  },

  async toggle(id) {
    const list = state.lists.get(id);
    if (list?.open) state.lists.set(id, { ...list, open: false });
    else {
      state.lists.set(id, { jobs: [], open: true, loading: true });
      changed();
      await attempt(() => load(id));
    }
    changed();
  },

  more: (id) => attempt(() => loadMore(id)),

  async find(text) {
    state.search = text.trim();
    if (state.search) state.lists.set("search", { jobs: [], loading: true, ...state.lists.get("search"), open: true });
    else state.lists.delete("search");
    changed();
    if (state.search) await attempt(() => load("search"));
  },
};

/** What the API calls a key that is not plain; a task's name is one, too. */
function packed(text) {
  if (/^(?!\.{1,2}$)[A-Za-z0-9._-]+$/.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  return `~${btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

async function attempt(action) {
  try {
    return await action();
  } catch (problem) {
    notice(problem instanceof Refused ? problem : new Refused(0, String(problem)));
    return null;
  }
}

function notice(problem) {
  if (problem.status === 401) return act.lock();
  state.notices = [...state.notices.slice(-2), { status: problem.status, text: problem.message }];
  return changed();
}

async function preview(count, filter, only) {
  state.flow = { phase: "looking" };
  changed();
  const seen = Math.min(count, LOOKED_AT);
  const told = await attempt(() => call("POST", "replay", { body: { ...filter, max: seen, dry_run: true } }));
  if (state.flow.phase !== "looking") return;
  if (!told) return act.cancel();
  const plan = {};
  for (const { action } of told.plan) if (action !== "leave") plan[action] = (plan[action] ?? 0) + 1;
  const possible = (plan.resume ?? 0) + (plan.redrive ?? 0) + (plan.restart ?? 0);
  const sample = count > LOOKED_AT && possible >= LOOKED_AT ? seen : 0;
  state.flow = { phase: "preview", plan, filter, only, sample, count: sample ? count : possible || count };
  state.focus = "preview";
  changed();
}

async function run() {
  const { filter, count, reason } = state.flow;
  const then = await attempt(() => call("GET", "status", { query: { since: "now" } }));
  if (!then) return;
  state.flow = { phase: "sending", since: then.since.at, before: then.since.waiting, asked: count, sent: 0, failed: [], counts: { finished: 0, running: 0, again: 0 } };
  state.focus = "progress";
  changed();
  keen();
  look();
  await send(filter, count, reason);
  state.flow = { ...state.flow, phase: state.flow.sent ? "watching" : "ended" };
  keen();
  look();
}

/** Ask again while the API runs out of time, until all are put back or nothing more is taken. */
async function send(filter, count, reason) {
  const why = reason?.trim() ? { reason: reason.trim() } : {};
  while (state.flow.sent < count) {
    const max = count - state.flow.sent;
    const told = await attempt(() => call("POST", "replay", { body: { ...filter, ...why, max } }));
    if (!told) return;
    state.flow = { ...state.flow, sent: state.flow.sent + told.replayed, failed: [...state.flow.failed, ...told.failed] };
    changed();
    if (!told.more || !told.replayed) return;
  }
}

/** Read off the latest status what became of the jobs that were put back. */
export function countOutcomes() {
  const { flow, status } = state;
  const since = status?.since;
  if (since?.at !== flow.since || !["sending", "watching"].includes(flow.phase)) return;
  // What failed between that look and the replay is taken, too: it has been waiting all the same.
  const before = Math.max(flow.before, since.waiting + since.running + since.failed_again);
  const gone = Math.min(before - since.waiting, flow.phase === "sending" ? flow.asked : flow.sent);
  const again = Math.min(since.failed_again, gone);
  const running = Math.min(since.running, gone - again);
  const now = { finished: gone - again - running, running, again };
  const over = flow.phase === "watching" && running === 0 && gone >= Math.min(flow.sent, before);
  if (JSON.stringify(now) === JSON.stringify(flow.counts) && before === flow.before && !over) return;
  state.flow = { ...flow, before, counts: now, phase: over ? "ended" : flow.phase };
  if (over) state.focus = "ended";
  changed();
}
