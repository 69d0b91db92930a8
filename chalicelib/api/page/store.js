// What the page knows. Sections read it; only app.js and the actions change it.

import { preferred } from "./texts.js";

export const state = {
  lang: preferred(),
  signedIn: false,
  problem: "", // why the token was not taken: "wrong" or "silent"
  status: null,
  groups: null,
  lists: new Map(), // by list id: {open, jobs, cursor, total, loading}
  search: "",
  count: null, // how many to replay; null: all
  flow: { phase: "idle" }, // of the big button: idle, looking, preview, sending, watching, ended
  busy: new Map(), // by job id: "working" or "back"
  lostAt: null, // since when the server has not answered
  notices: [], // short messages of what went wrong
};

const listeners = [];

export function onChange(listener) {
  listeners.push(listener);
}

let asked = false;

/** Draw again soon, once for all changes of this moment. */
export function changed() {
  if (asked) return;
  asked = true;
  queueMicrotask(() => {
    asked = false;
    for (const listener of listeners) listener();
  });
}

/** Waiting jobs as the claims tell, or messages that no claim knows of. */
export function waiting() {
  const { jobs, spooled, stuck } = state.status;
  const known = jobs.parked + jobs.stuck;
  return { parked: jobs.parked, stuck: jobs.stuck, known, unnamed: known ? 0 : spooled + stuck };
}

export const readOnly = () => state.status?.caller?.kind === "read";
export const heldTasks = () => (state.status?.tasks ?? []).filter((task) => task.limit === 0);
export const listId = (group) => JSON.stringify([group.task, group.error, group.state]);
