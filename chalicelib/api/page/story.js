// A job's story: what happened to it, when, and what it was started with.

import { foreign, h } from "./dom.js";

export function storyOf(t, f, job) {
  if (!job) return h("p", { class: "working story" }, t.story.loading);
  const steps = job.story.map((step) => h("li", {}, h("time", { datetime: step.at, title: f.full(step.at) }, `${f.moment(step.at)}:${seconds(step.at)}`), ` ${sentence(t, step)}`));
  return h(
    "div",
    { class: "story-of" },
    job.story_whole ? null : h("p", { class: "quiet" }, job.story.length ? t.story.cut : t.story.forgotten),
    h("ol", {}, steps),
    job.input ? h("details", {}, h("summary", {}, t.story.input), h("pre", { tabindex: "0", dir: "auto" }, foreign(job.input))) : null,
  );
}

function sentence(t, { code, values }) {
  return (t.story.steps[code] ?? code).replace(/\{(\w+)\}/g, (_, name) => foreign(values[name] ?? "")).trimEnd();
}

const seconds = (text) => String(new Date(text).getSeconds()).padStart(2, "0");
