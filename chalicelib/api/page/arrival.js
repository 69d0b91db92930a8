// What a link brings: an invitation, or the incident that a message tells of.

import { Refused, call, token, written } from "./api.js";
import { changed, state } from "./store.js";

/** Read what the link brings, and take it out of the address bar before anything else. */
export function arrive() {
  const given = new URLSearchParams(location.hash.slice(1));
  const invited = given.get("invite");
  const incident = given.get("incident");
  if (!invited && !incident) return false;
  history.replaceState(null, "", location.pathname + location.search);
  if (invited && invited !== token.get()) state.invited = invited;
  if (incident) state.incident = { id: incident };
  return true;
}

/** Show the incident, and where its failed jobs wait, what a replay would come to; change nothing. */
export async function showIncident(previewTask) {
  const { incident, status } = state;
  if (!incident || incident.told || incident.missing || !status) return;
  try {
    incident.told = await call("GET", `incidents/${written(incident.id)}`);
  } catch (problem) {
    incident.missing = problem instanceof Refused && [400, 404].includes(problem.status);
    return changed();
  }
  changed();
  const task = state.status.tasks.find((each) => each.task === incident.told.task);
  const may = state.status.caller?.kind !== "read";
  if (may && task?.parked && state.flow.phase === "idle") previewTask(task);
}
