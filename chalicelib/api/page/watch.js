// Keeps what is shown true: asks how the stage stands, and for the jobs when they have changed.

import { Refused, call, token } from "./api.js";
import { changed, listId, state } from "./store.js";

const CALM = 10_000;
const KEEN = 2_000;
const KEEN_FOR = 90_000;
const PAGE = 25;

let timer = 0;
let round = 0;
let failures = 0;
let keenUntil = 0;
let seen = ""; // the revision that the groups are of

/** Look now; afterwards again and again while the page is in sight. */
export async function look() {
  clearTimeout(timer);
  const mine = ++round;
  try {
    await read(mine);
    found();
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
  const before = state.status;
  const watched = ["sending", "watching"].includes(state.flow.phase) ? state.flow.since : "";
  const since = before ? watched : "now"; // whoever opens the page sees what is so, not what was
  const status = await call("GET", "status", { query: { since } });
  if (mine !== round) return;
  if (before && status.at < before.at) return; // an older look, from another of the API's Lambdas
  if (!state.groups || status.revision !== seen) {
    const told = await call("GET", "jobs/groups");
    if (mine !== round) return;
    state.groups = told.groups;
    seen = told.revision;
  }
  state.status = status;
  await reloadLists();
  changed();
}

/** Each of the API's Lambdas has looked at another moment: what does not match is asked again. */
function settled() {
  const { status, lists } = state;
  const open = [...lists.values()].filter((list) => list.open);
  return seen === status?.revision && open.every((list) => list.revision === seen);
}

function found() {
  failures = 0;
  if (state.lostAt) {
    state.lostAt = null;
    state.cameBack = true;
  }
  changed();
}

function missed(problem) {
  const refused = problem instanceof Refused ? problem : new Refused(0, String(problem));
  if (refused.status === 401 || refused.status === 403) {
    token.forget();
    Object.assign(state, { signedIn: false, status: null, groups: null, problem: "wrong" });
  } else if (!state.status) {
    Object.assign(state, { signedIn: false, problem: "silent" });
  } else {
    failures += 1;
    state.lostAt ??= new Date().toISOString();
  }
  changed();
}

/** The jobs of every open list that is out of date, as many as are shown. */
async function reloadLists() {
  const known = new Set(["running", "search", ...state.groups.map(listId)]);
  for (const id of state.lists.keys()) if (!known.has(id)) state.lists.delete(id);
  const waiting = state.status.jobs.parked + state.status.jobs.stuck;
  if (state.groups.length === 1 && waiting <= PAGE) {
    const id = listId(state.groups[0]);
    if (!state.lists.has(id)) state.lists.set(id, { open: true, jobs: [] });
  }
  const old = (list) => list.open && list.revision !== state.status.revision;
  const open = [...state.lists].filter(([, list]) => old(list));
  await Promise.all(open.map(([id, list]) => load(id, Math.max(PAGE, list.jobs.length))));
}

function query(id) {
  if (id === "search") return { search: state.search };
  if (id === "running") return { state: "running" };
  const [task, error, of] = JSON.parse(id);
  return { task, error: error || undefined, state: of };
}

/** Load a list from its beginning. */
export async function load(id, limit = PAGE) {
  const asked = query(id);
  const page = await call("GET", "jobs", { query: { ...asked, limit: Math.min(limit, 200) } });
  const list = state.lists.get(id);
  if (!list || (id === "search" && asked.search !== state.search)) return;
  state.lists.set(id, { ...page, open: true, loading: false });
  changed();
}

/** Load the next page of a list. */
export async function loadMore(id) {
  const list = state.lists.get(id);
  if (!list?.cursor || list.loading) return;
  state.lists.set(id, { ...list, loading: true });
  changed();
  const page = await call("GET", "jobs", { query: { ...query(id), cursor: list.cursor, limit: PAGE } });
  const jobs = [...list.jobs, ...page.jobs];
  state.lists.set(id, { ...page, jobs, open: true, loading: false });
  changed();
}
