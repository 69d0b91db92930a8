// What the page knows. Sections read it; only app.js and the actions change it.

import { preferred } from "./texts.js";

const IDLE = { phase: "idle" };

export const state = {
  lang: preferred(),
  signedIn: false,
  invited: "", // the token of a link that somebody was given, until they say yes or no
  incident: null, // the one that a link is about: {id}, and then told or missing
  problem: "", // why the token was not taken: "wrong" or "silent"
  status: null,
  groups: null, // {groups, others, read, complete}
  lists: new Map(), // by list id: {open, jobs, cursor, total, loading}
  search: "",
  task: "", // whose groups are shown; empty: all
  machine: "", // the state machine whose groups are shown; empty: all
  sort: "count", // of the groups: "count", "oldest", "error"
  allGroups: false,
  chosen: new Map(), // by job id, the jobs that were ticked
  count: null, // how many to replay; null: all
  typing: null, // what stands in the field of how many and has not been taken yet
  wrongCount: null, // what was typed and is no number of jobs: {text, problem}
  flow: IDLE, // of the big button: idle, looking, preview, following, ended
  replays: [], // the last ones of everybody, newest first
  singles: new Map(), // by job id: jobs that were put back one by one, and what became of them
  job: null, // the job that the address names: {id, told, missing}
  shown: null, // the job whose history is shown: {id, job} or {id, loading}
  lostAt: null, // since when the server has not answered
  notices: [], // short messages of what went wrong
};

export const idle = () => ({ ...IDLE });

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

/** How many wait for somebody, as the claims tell; `whole`: nobody knows of more. */
export function waiting() {
  const { jobs, complete } = state.status;
  return { parked: jobs.parked, stuck: jobs.stuck, known: jobs.parked + jobs.stuck, whole: complete };
}

/** How many the button is about: what was chosen, as far as there are as many. */
export function wanted() {
  const { parked, stuck } = waiting();
  const most = parked || stuck;
  return { most, count: Math.min(state.count ?? most, most) };
}

export const readOnly = () => state.status?.caller?.kind === "read";
export const closedTasks = () => (state.status?.tasks ?? []).filter((task) => !task.gate.open);
export const listId = (group) => JSON.stringify([group.machine, group.task, group.error, group.state]);
/** The state machines that the stage serves; of one alone nobody needs to be told. */
export const machines = () => ((state.status?.machines ?? []).length > 1 ? state.status.machines : []);
/** What asks for a group's machine, where there are several. */
export const ofMachine = ({ machine }) => (machines().length ? { machine } : {});
export const isBusy = () => ["looking", "following"].includes(state.flow.phase);
export const isFree = () => ["idle", "ended"].includes(state.flow.phase);
