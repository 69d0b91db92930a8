// A replay that somebody presses: looked at first, asked for once, then followed by its id.

import { Refused, call } from "./api.js";
import { UNSURE, isOpen } from "./following.js";
import { changed, closedTasks, idle, ofMachine, state, waiting, wanted } from "./store.js";
import { keen, look } from "./watch.js";

const MOST = 10_000; // jobs of one replay
const PUT_BACK = ["resume", "redrive", "restart", "line", "pass"];

/** The big button: the oldest of all that wait. */
export function previewAll(notice) {
  const { count } = wanted();
  const { parked, stuck } = waiting();
  return preview(notice, { count, filter: !parked && stuck ? { stuck: true } : {} });
}

/** All jobs of one task and error. */
export function previewGroup(notice, group) {
  const stuck = group.state === "stuck";
  const filter = { ...ofMachine(group), task: group.task, error: group.error, ...(stuck ? { stuck } : {}) };
  return preview(notice, { count: group.count, filter, only: { task: group.task, error: group.error, stuck } });
}

/** All parked jobs of one task. */
export function previewTask(notice, task) {
  return preview(notice, { count: task.parked, filter: { task: task.task }, only: { task: task.task } });
}

/** The jobs that were ticked. */
export function previewChosen(notice) {
  const ids = [...state.chosen.values()].map((job) => job.id);
  return preview(notice, { count: ids.length, filter: { ids }, only: { chosen: ids.length } });
}

/** What lies on the spool and no waiting job accounts for. */
export const previewNotes = (notice) => preview(notice, { count: state.status.spooled, filter: {}, bare: true });

async function preview(notice, { count, filter, only = null, bare = false }) {
  const mine = { phase: "looking" };
  state.flow = mine;
  changed();
  let told = null;
  try {
    told = await call("POST", "replay", { body: { ...filter, max: Math.min(count, MOST), dry_run: true } });
  } catch (problem) {
    notice(problem);
  }
  if (state.flow !== mine) return;
  if (!told) return cancel();
  const possible = told.plan.filter(({ action }) => PUT_BACK.includes(action));
  const plan = {};
  for (const { action } of told.plan) plan[action] = (plan[action] ?? 0) + 1;
  const why = told.plan.find(({ action }) => action === "stale" || action === "leave")?.reason ?? "";
  const stuck = filter.stuck ? { stuck: true } : {};
  state.flow = { phase: "preview", plan, why, stuck, only, bare, comesTo: told.estimate, ids: possible.map(({ id }) => id), more: told.more, count: possible.length };
  state.focus = "preview";
  changed();
}

export function cancel() {
  state.flow = idle();
  state.focus = "replay";
  changed();
}

/** The oldest of those that the preview named, alone; through a closed gate where one is. */
export function tryOne(notice) {
  const { phase } = state.flow;
  return phase === "preview" ? begin(notice, state.flow, 1, closedTasks().length ? { pass: true } : {}) : undefined;
}

/** All that the preview named. */
export function run(notice) {
  const { phase, count } = state.flow;
  return phase === "preview" && count ? begin(notice, state.flow, count) : undefined;
}

/** The next ones, after some were tried: of those that the preview named then. */
export function runOthers(notice, count) {
  const { phase, others } = state.flow;
  return phase === "ended" && others ? begin(notice, others, Math.min(count, others.count)) : undefined;
}

/** Once, however often it is pressed: the phase changes before anything is awaited. */
async function begin(notice, seen, count, more = {}) {
  const { ids, bare, stuck, only, reason } = seen;
  const others = count < seen.count ? { ...seen, ids: ids.slice(count), count: seen.count - count } : null;
  const once = crypto.randomUUID();
  const flow = { phase: "following", count, replay: null, others };
  state.flow = flow;
  state.focus = "progress";
  if (only?.chosen) state.chosen.clear();
  changed();
  keen();
  const id = await idOf(state.status.caller.name, once);
  if (state.flow === flow) state.flow = { ...flow, id };
  const which = bare ? { max: count } : { ...stuck, ids: ids.slice(0, count) };
  const why = reason?.trim() ? { reason: reason.trim() } : {};
  await ask(notice, id, "replay", { ...which, ...why, ...more }, once);
  look();
}

/** The server goes on whatever becomes of its answer; only a refusal says that nothing was begun. */
async function ask(notice, id, path, body, once) {
  const mine = () => state.flow.id === id;
  try {
    const told = await call("POST", path, { body, once });
    if (mine()) state.flow = { ...state.flow, answered: told };
  } catch (problem) {
    const refused = problem instanceof Refused ? problem : new Refused(0, String(problem));
    if (!mine()) return;
    if (!refused.lost) {
      state.flow = idle();
      return notice(refused);
    }
    state.flow = { ...state.flow, lostAt: Date.now() };
  }
  changed();
}

/** The id under which the server keeps what this person asks for once. */
async function idOf(who, once) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${who}\n${once}`));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("").slice(0, 16);
}

/** The end of a replay that is followed: when nothing may change any more. */
export function settle() {
  const { phase, replay } = state.flow;
  if (phase !== "following" || isOpen(replay)) return;
  state.flow = { ...state.flow, phase: "ended" };
  state.focus = "ended";
  changed();
}

/** Put no more jobs back. */
export async function stop(notice, id) {
  try {
    const replay = await call("POST", `replays/${id}/stop`, { body: {} });
    if (state.flow.id === id) state.flow = { ...state.flow, replay: { ...state.flow.replay, ...replay } };
  } catch (problem) {
    notice(problem);
  }
  keen();
  look();
}

/** One job by its own button. */
export async function replayJob(notice, job) {
  if (state.singles.get(job.id)?.outcome === "sending") return;
  const once = crypto.randomUUID();
  const single = { key: job.key, outcome: "sending", replay: await idOf(state.status.caller.name, once) };
  if (state.singles.get(job.id)?.outcome === "sending") return;
  state.singles.set(job.id, single);
  changed();
  try {
    const done = await call("POST", `jobs/${job.id}/replay`, { body: {}, once });
    const why = done.failed[0]?.reason ?? "";
    const outcome = done.replayed ? "running" : done.failed.length ? "refused" : "stale";
    state.singles.set(job.id, { ...single, why, outcome, replay: done.replayed ? single.replay : null });
  } catch (problem) {
    const lost = !(problem instanceof Refused) || problem.lost;
    state.singles.set(job.id, lost ? { ...single, outcome: "unsure", until: Date.now() + UNSURE } : { ...single, why: problem.message, outcome: "refused", replay: null });
    if (problem.status === 401) notice(problem);
  }
  changed();
  keen();
  look();
}
