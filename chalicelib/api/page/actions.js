// What the buttons do.

import { Refused, call, token, written } from "./api.js";
import { showIncident } from "./arrival.js";
import { askLimit, askOpen, askReason, askToClose, askTrigger } from "./dialog.js";
import { readCount } from "./number.js";
import * as replaying from "./replaying.js";
import { changed, idle, state, wanted } from "./store.js";
import { other, remember } from "./texts.js";
import { keen, load, loadMore, look, rest } from "./watch.js";

export const act = {
  signIn(given) {
    token.set(given);
    Object.assign(state, { signedIn: true, problem: "" });
    changed();
    look().then(() => showIncident(act.previewTask));
  },

  accept(keep) {
    token.set(state.invited, keep);
    Object.assign(state, { invited: "", signedIn: true, problem: "", status: null, groups: null });
    changed();
    look().then(() => showIncident(act.previewTask));
  },

  decline() {
    state.invited = "";
    changed();
    if (state.signedIn) look();
  },

  leaveIncident() {
    state.incident = null;
    changed();
  },

  lock() {
    rest();
    token.forget();
    Object.assign(state, { signedIn: false, status: null, groups: null, problem: "", flow: idle(), replays: [], shown: null, notices: [] });
    for (const kept of [state.lists, state.singles, state.chosen]) kept.clear();
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

  /** Text as it was typed, or null for all; says whether it is a number of jobs. */
  setCount(text) {
    const { most } = wanted();
    const { value, problem } = text === null ? { value: most } : readCount(text, most);
    state.typing = null;
    if (value) state.count = value === most ? null : value;
    state.wrongCount = problem ? { text, problem } : null;
    return Boolean(value);
  },

  setReason(text) {
    state.flow.reason = text;
  },

  preview: () => replaying.previewAll(notice),
  previewGroup: (group) => replaying.previewGroup(notice, group),
  previewTask: (task) => replaying.previewTask(notice, task),
  previewChosen: () => replaying.previewChosen(notice),
  previewNotes: () => replaying.previewNotes(notice),
  cancel: replaying.cancel,
  run: () => replaying.run(notice),
  tryOne: () => replaying.tryOne(notice),
  runOthers: (count) => replaying.runOthers(notice, count),
  stop: (id) => replaying.stop(notice, id),
  replayJob: (job) => replaying.replayJob(notice, job),

  choose(job, ticked) {
    if (ticked) state.chosen.set(job.id, job);
    else state.chosen.delete(job.id);
    changed();
  },

  chooseNone() {
    state.chosen.clear();
    changed();
  },

  forgetSingles() {
    state.singles.clear();
    changed();
  },

  narrow(change) {
    Object.assign(state, change);
    changed();
  },

  async giveUp(job) {
    const answer = await askReason(job);
    if (!answer) return;
    const done = await attempt(() => call("POST", `jobs/${job.id}/give-up`, { body: answer }));
    if (done) state.said = (t) => t.giveUp.done(job.key);
    keen();
    look();
  },

  closeGate: (task) => change(task, "gate", askToClose),
  openGate: (task) => change(task, "gate", askOpen),
  setLimit: (task, limit) => change(task, "limit", (it) => askLimit(it, limit)),

  async setTrigger(enabled) {
    const body = await askTrigger(enabled);
    if (!body) return;
    const told = await attempt(() => call("PUT", "trigger", { body }));
    if (told && state.status) state.status = { ...state.status, ...told };
    changed();
    keen();
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

  async showHistory(job) {
    const close = state.shown?.id === job.id;
    state.shown = close ? null : { id: job.id };
    changed();
    if (close) return;
    const told = await attempt(() => call("GET", `jobs/${job.id}`));
    if (state.shown?.id === job.id) state.shown = told ? { id: job.id, job: told } : null;
    changed();
  },
};

/** A change to a task, after it was asked for; the answer is how the task stands then. */
async function change(task, what, ask) {
  const body = await ask(task);
  if (!body) return;
  const told = await attempt(() => call("PUT", `tasks/${written(task.task)}/${what}`, { body }));
  if (told && state.status) {
    const tasks = state.status.tasks.map((each) => (each.task === task.task ? told : each));
    state.status = { ...state.status, tasks };
    changed();
  }
  keen();
  look();
}

async function attempt(action) {
  try {
    return await action();
  } catch (problem) {
    notice(problem);
    return null;
  }
}

function notice(problem) {
  const refused = problem instanceof Refused ? problem : new Refused(0, String(problem));
  if (refused.status === 401) return act.lock();
  const kept = state.notices.filter((each) => each.text !== refused.message).slice(-2);
  state.notices = [...kept, { status: refused.status, text: refused.message, at: Date.now() }];
  return changed();
}
