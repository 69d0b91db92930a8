// What became of jobs that were put back: each by its own key and attempt, none by subtraction.

/** Outcomes that may still change. */
export const OPEN = ["way", "line", "inside", "unknown"];
export const ENDED = ["finished", "again", "given-up", "stopped", "gone", "left"];

/** An answer that was lost: until then (ms) the server may still be at work on what it was asked. */
export const unsure = (at, now) => ({ at, until: now + 35_000 });

/**
 * `before` is the job as it was put back: {attempt}; or {unsure} where the answer was lost, with
 * the server's time before it was asked. `job` is how it stands now; undefined where no job has
 * that key any more.
 */
export function outcomeOf(before, job, now) {
  if (!job) return "gone";
  if (job.ended_at) return { finished: "finished", "given-up": "given-up" }[job.state] ?? "stopped";
  if (job.state === "line") return "line";
  if (job.state === "running") return "inside";
  if (!before.unsure) return job.attempt > before.attempt ? "again" : "way";
  if (job.failed_at > before.unsure.at) return "again";
  return now > before.unsure.until ? "left" : "unknown";
}

/** How many there are of each outcome. */
export function countOutcomes(outcomes) {
  const counts = Object.fromEntries([...OPEN, ...ENDED].map((name) => [name, 0]));
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
}

export const isOpen = (outcome) => OPEN.includes(outcome);

/** Ids in groups that fit into an address: 100 at most, and not too long. */
export function inGroups(ids, most = 100, longest = 4000) {
  const groups = [];
  let length = Infinity;
  for (const id of ids) {
    if (length + id.length > longest || groups.at(-1).length === most) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1).push(id);
    length += id.length + 3;
  }
  return groups;
}
