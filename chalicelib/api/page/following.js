// What becomes of the replays that were pressed here, as the server tells it by their ids.

import { Refused, call } from "./api.js";
import { state } from "./store.js";

export const UNSURE = 40_000; // after a lost answer, how long the server may still be at work on it
const OPEN = ["line", "running"]; // what may still become of a job by itself

/** Ask how the replays stand that were pressed here, as long as anything may still change. */
export async function follow() {
  const { id } = state.flow;
  const open = [...state.singles].filter(([, single]) => single.replay && isOpen(single.told));
  await Promise.all([id && state.flow.phase === "following" ? followOne(id) : null, ...open.slice(0, 4).map(([job, single]) => followSingle(job, single))]);
}

async function followOne(id) {
  const replay = await known(id);
  if (state.flow.id !== id) return;
  if (replay) state.flow = { ...state.flow, replay };
  else if (state.flow.lostAt && Date.now() > state.flow.lostAt + UNSURE) state.flow = { ...state.flow, phase: "ended" };
}

async function known(id) {
  try {
    return await call("GET", `replays/${id}`, { query: { limit: 1 } });
  } catch (problem) {
    if (problem instanceof Refused && problem.status === 404) return null;
    throw problem;
  }
}

/** Whether anything more may become of a replay's jobs by itself. */
export const isOpen = (replay) => !replay || replay.state === "running" || OPEN.some((name) => replay.outcomes[name]);

async function followSingle(job, single) {
  if (single.outcome === "sending") return;
  const told = await known(single.replay);
  const now = { ...single, told, outcome: told ? outcomeOf(told) : single.outcome };
  if (!told && single.until && Date.now() > single.until) Object.assign(now, { outcome: "left", replay: null });
  if (state.singles.get(job)?.replay === single.replay) state.singles.set(job, now);
}

/** What became of the one job of a replay. */
const outcomeOf = (replay) => Object.keys(replay.outcomes)[0] ?? (replay.refused ? "refused" : replay.state === "running" ? "running" : "stale");
