// A replay that somebody presses: looked at first, sent in pieces, then followed job by job.

import { Refused, call, written } from "./api.js";
import { isOpen, countOutcomes, unsure } from "./outcomes.js";
import { changed, closedTasks, idle, state, waiting, wanted } from "./store.js";
import { keen, look } from "./watch.js";

const NAMED = 500; // jobs that a preview names; those and no others are put back
const PIECE = 100; // jobs a request: each answers well within API Gateway's 29 seconds

/** The big button: the oldest of all that wait. */
export function previewAll(notice) {
  const { count } = wanted();
  const { parked, stuck } = waiting();
  return preview(notice, { count, filter: !parked && stuck ? { stuck: true } : {} });
}

/** All jobs of one task and error. */
export function previewGroup(notice, group) {
  const stuck = group.state === "stuck";
  const filter = { task: group.task, error: group.error, ...(stuck ? { stuck } : {}) };
  return preview(notice, { count: group.count, filter, only: { task: group.task, error: group.error, stuck } });
}

/** All parked jobs of one task. */
export function previewTask(notice, task) {
  return preview(notice, { count: task.parked, filter: { task: task.task }, only: { task: task.task } });
}

/** The jobs that were ticked. */
export function previewChosen(notice) {
  const keys = [...state.chosen.values()].map((job) => job.key);
  return preview(notice, { count: keys.length, filter: { keys }, only: { chosen: keys.length } });
}

/** What lies on the spool and no waiting job accounts for. */
export const previewNotes = (notice) => preview(notice, { count: state.status.spooled, filter: {}, bare: true });

async function preview(notice, { count, filter, only = null, bare = false }) {
  const mine = { phase: "looking" };
  state.flow = mine;
  changed();
  const seen = Math.min(count, NAMED);
  let told = null;
  try {
    told = await call("POST", "replay", { body: { ...filter, max: seen, dry_run: true } });
  } catch (problem) {
    notice(problem);
  }
  if (state.flow !== mine) return;
  if (!told) return cancel();
  const possible = told.plan.filter(({ action }) => ["resume", "redrive", "restart", "line"].includes(action));
  const plan = {};
  for (const { action } of told.plan) plan[action] = (plan[action] ?? 0) + 1;
  const rest = possible.length === NAMED ? count - NAMED : 0;
  const why = told.plan.find(({ action }) => action === "stale" || action === "leave")?.reason ?? "";
  state.flow = { phase: "preview", plan, why, filter, only, bare, keys: possible.map(({ key }) => key), rest, count: possible.length + rest };
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
  const { phase, keys } = state.flow;
  if (phase !== "preview") return undefined;
  state.flow = { ...state.flow, tried: state.flow, keys: keys.slice(0, 1), rest: 0, count: 1 };
  return run(notice);
}

/** The others, after one was tried: those that the preview named then. */
export function runOthers(notice) {
  const { phase, tried } = state.flow;
  if (phase !== "ended" || !tried) return undefined;
  state.flow = { ...tried, keys: tried.keys.slice(1), count: tried.count - 1 };
  return run(notice);
}

/** Once, however often it is pressed: the phase changes before anything is awaited. */
export async function run(notice) {
  const { phase, count, keys, bare, only, reason } = state.flow;
  if (phase !== "preview" || !count) return;
  const jobs = new Map();
  state.flow = { ...state.flow, phase: "sending", at: state.status.at, asked: count, sent: 0, unsure: 0, failed: [], jobs };
  state.focus = "progress";
  if (only?.chosen) state.chosen.clear();
  changed();
  keen();
  await send(notice, pieces(keys, bare, state.flow), reason?.trim());
  state.flow = { ...state.flow, phase: "watching" };
  settle();
  changed();
  keen();
  look();
}

/** First those that the preview named, then as many more as were asked for. */
function* pieces(keys, bare, { filter, rest, count, tried }) {
  const { stuck, keys: _, ...choice } = filter;
  const pass = tried && closedTasks().length ? { pass: true } : {};
  const state_ = { ...(stuck ? { stuck } : {}), ...pass };
  if (bare) yield { max: count };
  else for (let n = 0; n < keys.length; n += PIECE) yield { ...state_, keys: keys.slice(n, n + PIECE) };
  for (let n = 0; n < rest; n += PIECE) yield { ...state_, ...choice, max: Math.min(PIECE, rest - n) };
}

async function send(notice, all, reason) {
  for (const piece of all) {
    const max = piece.max ?? piece.keys.length;
    let left = max;
    while (left > 0) {
      let told;
      try {
        told = await call("POST", "replay", { body: { ...piece, max: left, jobs: true, ...(reason ? { reason } : {}) } });
      } catch (problem) {
        return lost(notice, problem, piece, left);
      }
      count(told);
      left -= told.replayed;
      if (!told.more || !told.replayed) break;
    }
  }
}

function count(told) {
  const { flow } = state;
  for (const job of told.jobs ?? []) flow.jobs.set(job.id, { key: job.key, attempt: job.attempt, outcome: "way" });
  state.flow = { ...flow, sent: flow.sent + told.replayed, failed: [...flow.failed, ...told.failed] };
  changed();
}

/** No answer: whether they were put back is not known until their own claims tell. */
function lost(notice, problem, piece, left) {
  const refused = problem instanceof Refused ? problem : new Refused(0, String(problem));
  if (!refused.lost) return notice(refused);
  for (const key of piece.keys ?? []) {
    const id = written(key);
    if (!state.flow.jobs.has(id)) state.flow.jobs.set(id, { key, unsure: unsure(state.flow.at, Date.now()), outcome: "unknown" });
  }
  state.flow = { ...state.flow, lost: true, unsure: state.flow.unsure + (piece.keys ? 0 : left) };
  return changed();
}

/** The counts of what became of them. What was started without a key can't be followed. */
export function outcomes() {
  const { jobs, sent } = state.flow;
  const counts = countOutcomes([...jobs.values()].map((job) => job.outcome));
  const known = [...jobs.values()].filter((job) => !job.unsure).length;
  return { ...counts, gone: counts.gone + Math.max(0, sent - known) };
}

/** The end of a replay that is followed: when nothing may change any more. */
export function settle() {
  const { flow } = state;
  if (flow.phase !== "watching" || [...flow.jobs.values()].some((job) => isOpen(job.outcome))) return;
  state.flow = { ...flow, phase: "ended" };
  state.focus = "ended";
  changed();
}

/** One job by its own button. */
export async function replayJob(notice, job) {
  if (state.singles.get(job.id)?.outcome === "sending") return;
  const kept = { key: job.key, attempt: job.attempt };
  const { at } = state.status;
  state.singles.set(job.id, { ...kept, outcome: "sending" });
  changed();
  try {
    const done = await call("POST", `jobs/${job.id}/replay`, { body: {} });
    const why = done.failed[0]?.reason ?? "";
    const outcome = done.replayed ? "way" : done.failed.length ? "refused" : "stale";
    state.singles.set(job.id, { ...kept, why, outcome });
  } catch (problem) {
    if (!(problem instanceof Refused) || problem.lost) state.singles.set(job.id, { ...kept, unsure: unsure(at, Date.now()), outcome: "unknown" });
    else {
      state.singles.set(job.id, { ...kept, why: problem.message, outcome: "refused" });
      if (problem.status === 401) notice(problem);
    }
  }
  changed();
  keen();
  look();
}
