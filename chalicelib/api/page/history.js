// A job's history: what happened to it, when, and what it was started with.

import { foreign, h } from "./dom.js";

export function historyOf(t, f, job) {
  if (!job) return h("p", { class: "working history" }, t.history.loading);
  const steps = job.history.map((step) => h("li", {}, h("time", { datetime: step.at, title: f.full(step.at) }, `${f.moment(step.at)}:${seconds(step.at)}`), ` ${sentence(t, step)}`));
  return h(
    "div",
    { class: "history-of" },
    job.history_whole ? null : h("p", { class: "quiet" }, job.history.length ? t.history.cut : t.history.forgotten),
    h("ol", {}, steps),
    job.input ? h("details", {}, h("summary", {}, t.history.input), h("pre", { tabindex: "0", dir: "auto" }, foreign(job.input))) : null,
  );
}

function sentence(t, { code, values }) {
  return (t.history.steps[code] ?? code).replace(/\{(\w+)\}/g, (_, name) => foreign(values[name] ?? "")).trimEnd();
}

const seconds = (text) => String(new Date(text).getSeconds()).padStart(2, "0");
