// Keeps what is shown true: asks how the stage stands, and for the jobs when they have changed.

import { Refused, call, token } from "./api.js";
import { follow } from "./following.js";
import { changed, idle, listId, ofMachine, state } from "./store.js";

const CALM = 10_000;
const KEEN = 2_000;
const KEEN_FOR = 90_000;
const PAGE = 25;
const SHOWN = 10; // replays that are told of
const FORTNIGHT_KEPT = 300_000;
const NOTICE = 30_000; // how long a message of what went wrong stays

let timer = 0;
let round = 0;
let failures = 0;
let keenUntil = 0;

/** Look now; afterwards again and again while the page is visible. */
export async function look() {
  clearTimeout(timer);
  const mine = ++round;
  try {
    await read(mine);
    answered(mine);
  } catch (problem) {
    if (mine === round) missed(problem);
  }
  if (mine === round && state.signedIn && !document.hidden) timer = setTimeout(look, pause());
}

export function keen() {
  keenUntil = Date.now() + KEEN_FOR;
}

export function rest() {
  clearTimeout(timer);
  round += 1;
}

function pause() {
  if (failures) return Math.min(KEEN * 2 ** (failures - 1), 30_000);
  return Date.now() < keenUntil || !settled() ? KEEN : CALM;
}

async function read(mine) {
  const status = await call("GET", "status");
  if (mine !== round) return;
  if (state.status && status.at < state.status.at) return; // an older look, from another of the API's Lambdas
  if (state.groups?.revision !== status.revision) {
    const groups = await call("GET", "jobs/groups");
    if (mine !== round) return;
    state.groups = groups;
  }
  state.status = status;
  await Promise.all([reloadLists(), readReplays(), follow(), readJob(), readDays()]);
  changed();
}

/** Each of the API's Lambdas has looked at another moment: what does not match is asked again. */
function settled() {
  const { status, groups, lists } = state;
  const open = [...lists.values()].filter((list) => list.open);
  return groups?.revision === status?.revision && open.every((list) => list.revision === status.revision);
}

function answered(mine) {
  if (mine !== round) return;
  failures = 0;
  if (state.lostAt) {
    state.lostAt = null;
    state.cameBack = true;
  }
  const now = Date.now();
  state.notices = state.notices.filter((notice) => now - notice.at < NOTICE);
  changed();
}

function missed(problem) {
  const refused = problem instanceof Refused ? problem : new Refused(0, String(problem));
  if (refused.status === 401 || refused.status === 403) {
    token.forget();
    Object.assign(state, { signedIn: false, status: null, groups: null, problem: "wrong", flow: idle(), shown: null });
  } else if (!state.status) {
    Object.assign(state, { signedIn: false, problem: "silent" });
  } else {
    failures += 1;
    state.lostAt ??= new Date().toISOString();
  }
  changed();
}

/** The job that the address names. */
export async function readJob() {
  const { job } = state;
  if (!job) return;
  try {
    const told = await call("GET", `jobs/${job.id}`);
    if (state.job?.id === job.id) state.job = { id: job.id, told };
  } catch (problem) {
    if (!(problem instanceof Refused) || ![400, 404].includes(problem.status)) throw problem;
    if (state.job?.id === job.id) state.job = { id: job.id, missing: true };
  }
}

/** The stage's last fortnight; it changes slowly. */
async function readDays() {
  if (Date.now() - (state.daysAt ?? -Infinity) < FORTNIGHT_KEPT) return;
  state.daysAt = Date.now();
  state.days = (await call("GET", "incidents", { query: { limit: 1 } })).days;
}

/** The last replays of everybody, newest first. */
async function readReplays() {
  state.replays = (await call("GET", "replays", { query: { limit: SHOWN } })).replays;
}

/** The jobs of every open list that is out of date, as many as are shown. */
async function reloadLists() {
  const known = new Set(["running", "line", "search", ...state.groups.groups.map(listId)]);
  for (const id of state.lists.keys()) if (!known.has(id)) state.lists.delete(id);
  const { groups } = state.groups;
  if (groups.length === 1 && groups[0].count <= PAGE) {
    const id = listId(groups[0]);
    if (!state.lists.has(id)) state.lists.set(id, { open: true, jobs: [] });
  }
  const old = (list) => list.open && list.revision !== state.status.revision;
  const open = [...state.lists].filter(([, list]) => old(list));
  await Promise.all(open.map(([id, list]) => load(id, Math.max(PAGE, list.jobs.length))));
}

function query(id) {
  if (id === "search") return { search: state.search };
  if (id === "running" || id === "line") return { state: id };
  const [machine, task, error, of] = JSON.parse(id);
  return { ...ofMachine({ machine }), task, error, state: of };
}

/** An error without a name is asked for as such; call() leaves empty values out. */
async function page(id, more) {
  const { error, ...rest } = query(id);
  const path = error === undefined ? "jobs" : `jobs?error=${encodeURIComponent(error)}`;
  return call("GET", path, { query: { ...rest, ...more } });
}

/** Load a list from its beginning. */
export async function load(id, limit = PAGE) {
  const searched = state.search;
  const found = await page(id, { limit: Math.min(limit, 200) });
  const list = state.lists.get(id);
  if (!list || (id === "search" && searched !== state.search)) return;
  state.lists.set(id, { ...found, open: true, loading: false });
  changed();
}

/** Load the next page of a list. */
export async function loadMore(id) {
  const list = state.lists.get(id);
  if (!list?.cursor || list.loading) return;
  state.lists.set(id, { ...list, loading: true });
  changed();
  try {
    const found = await page(id, { cursor: list.cursor, limit: PAGE });
    state.lists.set(id, { ...found, jobs: [...list.jobs, ...found.jobs], open: true, loading: false });
  } catch (problem) {
    state.lists.set(id, { ...list, loading: false });
    throw problem;
  } finally {
    changed();
  }
}
