// The incident that a link has led to: how it went so far, and what became of its jobs.

import { foreign, h, time } from "./dom.js";
import { state } from "./store.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 300;
const HIGH = 60;

export const incidentSignature = () => [state.lang, state.incident];

export function incident(t, f, act) {
  const { incident: shown } = state;
  if (shown?.missing) return h("div", { class: "notice" }, h("p", {}, t.incident.missing), close(t, act));
  const told = shown?.told;
  if (!told) return null;
  const { waiting } = told;
  const number = (name, n) => h("div", {}, h("dt", {}, t.incident[name]), h("dd", {}, f.number(n)));
  return h(
    "section",
    { class: "card incident", "aria-labelledby": "incident-title" },
    h("h2", { id: "incident-title" }, (told.over ? t.incident.over : t.incident.now)(foreign(told.task))),
    h("p", { class: "quiet" }, time(f, told.since, f.full(told.since)), " – ", told.over ? time(f, told.over_at, f.full(told.over_at)) : t.incident.underWay),
    h(
      "dl",
      {},
      number("jobs", told.jobs),
      number("failures", told.failures),
      number("waiting", waiting.parked + waiting.stuck + waiting.line),
      number("untried", waiting.untried),
      number("ended", told.ended),
      number("spared", told.calls.spared),
    ),
    told.whole ? null : h("p", { class: "quiet" }, t.incident.least),
    told.curve.length > 1 ? curve(t, f, told.curve) : null,
    told.said.map((each) => h("p", { class: "said" }, foreign([each.name, each.message].filter(Boolean).join(": ")))),
    course(t, f, told),
    close(t, act),
  );
}

const close = (t, act) => h("button", { class: "button small", type: "button", "data-k": "incident", onclick: act.leaveIncident }, t.incident.close);

/** Everything that happened, oldest first. */
function course(t, f, told) {
  const replays = told.replays.map((each) => [each.started_at, t.incident.replayed(foreign(each.by || each.kind), each.put_back, f.number(each.put_back), foreign(each.reason))]);
  const changes = told.changes.map((each) => [each.at, t.incident.changes[each.what]?.(f.number(each.jobs)) ?? each.what]);
  const all = [...replays, ...changes].sort(([one], [other]) => (one < other ? -1 : 1));
  if (!all.length) return null;
  return h(
    "details",
    {},
    h("summary", {}, t.incident.course),
    h("ol", {}, all.map(([at, what]) => h("li", {}, time(f, at), " ", what))),
  );
}

/** Waiting, failures and ended jobs over time; its numbers stand above it in words. */
function curve(t, f, points) {
  const [first, last] = [points[0], points.at(-1)].map((each) => Date.parse(each.at));
  const rows = {
    waiting: points.map((each) => each.failed + each.untried),
    failures: points.map((each) => each.failures),
    ended: points.map((each) => each.ended),
  };
  const most = Math.max(1, ...Object.values(rows).flat());
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", t.incident.curve(f.span(points[0].at, points.at(-1).at), f.number(most)));
  for (const [name, row] of Object.entries(rows)) {
    const line = document.createElementNS(SVG, "polyline");
    const at = (n) => ((Date.parse(points[n].at) - first) / Math.max(1, last - first)) * WIDE;
    line.setAttribute("points", row.map((value, n) => `${at(n).toFixed(1)},${(HIGH - (value / most) * (HIGH - 2) - 1).toFixed(1)}`).join(" "));
    line.setAttribute("class", name);
    picture.append(line);
  }
  const names = Object.keys(rows).map((name) => h("span", { class: name }, t.incident.lines[name]));
  return h("figure", {}, picture, h("figcaption", { class: "quiet" }, f.span(points[0].at, points.at(-1).at), names));
}
