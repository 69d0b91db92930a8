// Draws the page from what it knows, and starts looking.

import { act } from "./actions.js";
import { token } from "./api.js";
import { arrive, showIncident } from "./arrival.js";
import { age, ageSignature, bar, barSignature, invitation, invitationSignature, isReal, notices, noticesSignature, signIn, signInSignature, stageName } from "./bar.js";
import { h, show } from "./dom.js";
import { facts, factsSignature } from "./facts.js";
import { hero, heroSignature } from "./hero.js";
import { incident, incidentSignature } from "./incident.js";
import { jobInAddress, jobPage, jobSignature } from "./job.js";
import { head, headSignature, jobs, jobsSignature } from "./jobs.js";
import { settle } from "./replaying.js";
import { replays, replaysSignature } from "./replays.js";
import { onChange, state, waiting } from "./store.js";
import { tasks, tasksSignature } from "./tasks.js";
import { speak } from "./texts.js";
import { look, rest } from "./watch.js";

const main = document.getElementById("main");
const parts = {};
for (const name of ["notices", "job", "incident", "hero", "replays", "head", "jobs", "tasks", "facts", "age"]) {
  parts[name] = h("div", { id: name, class: `part-${name}` });
}
const jobsSection = h("section", { class: "jobs-section", "aria-labelledby": "jobs-title" }, parts.head, parts.jobs);
const columns = h("div", { class: "columns" }, jobsSection, h("div", { class: "side" }, parts.tasks, parts.facts));

function draw() {
  const { t, f } = speak(state.lang);
  const now = new Date();
  document.documentElement.lang = t.lang;
  document.getElementById("skip").textContent = t.skip;
  document.body.classList.toggle("real", isReal());
  show(document.getElementById("bar"), barSignature(), () => bar(t, act));
  if (state.invited) return drawInvitation(t);
  if (!state.signedIn) return drawSignIn(t);
  settle();
  const view = state.job ? [parts.notices, parts.age, parts.job] : [parts.notices, parts.age, parts.incident, parts.hero, parts.replays, columns];
  if (main.children.length !== view.length || main.firstChild !== view[0]) {
    delete main.dataset.shown;
    main.replaceChildren(...view);
  }
  if (state.job) show(parts.job, jobSignature(now), () => jobPage(t, f, act));
  show(parts.notices, noticesSignature(now), () => notices(t, f, act));
  show(parts.age, ageSignature(), () => age(t, f, act));
  show(parts.incident, incidentSignature(), () => incident(t, f, act));
  show(parts.hero, heroSignature(now), () => hero(t, f, act));
  show(parts.replays, replaysSignature(now), () => replays(t, f, act));
  show(parts.head, headSignature(), () => head(t, act));
  show(parts.jobs, jobsSignature(now), () => jobs(t, f, act));
  show(parts.tasks, tasksSignature(now), () => tasks(t, f, act));
  show(parts.facts, factsSignature(now), () => facts(t, f, act));
  grey(Boolean(state.lostAt));
  return speakUp(t, f);
}

/** What may be old is not acted on: greyed, it takes no presses. */
function grey(old) {
  main.classList.toggle("old", old);
  for (const part of [parts.job, parts.replays, columns, ...parts.hero.querySelectorAll(".act, .panel")]) part.inert = old;
}

function drawInvitation(t) {
  document.title = "respool";
  show(main, invitationSignature(), () => invitation(t, act));
  if (document.activeElement === document.body) document.getElementById("accept")?.focus();
}

function drawSignIn(t) {
  document.title = "respool";
  show(main, signInSignature(), () => signIn(t, act));
  if (document.activeElement === document.body) document.getElementById("token")?.focus();
}

/** What changed goes to the title and to screen readers, and the focus to where it matters. */
function speakUp(t, f) {
  if (state.status) {
    const { known, whole } = waiting();
    document.title = t.title(known, whole ? f.number(known) : t.now.moreThan(f.number(known)), stageName());
    if (state.flow.phase === "idle") say(document.getElementById("now")?.textContent);
  }
  if (state.cameBack) say(t.offline.back);
  if (state.said) say(state.said(t));
  const { flow } = state;
  if (flow.phase === "following" && flow.replay) {
    const { finished = 0, failed = 0 } = flow.replay.outcomes;
    say(t.replay.progress(f.number(finished + failed), f.number(flow.count)));
  }
  state.cameBack = state.said = null;
  if (!state.focus) return;
  (document.getElementById(state.focus) ?? main).focus();
  state.focus = null;
}

function say(text) {
  const voice = document.getElementById("voice");
  if (text && voice.textContent !== text) voice.textContent = text;
}

document.addEventListener("visibilitychange", () => {
  if (!state.signedIn) return;
  if (document.hidden) rest();
  else look();
});
addEventListener("online", () => state.signedIn && look());

/** Look, and then at the incident that the link is about. */
async function begin() {
  await look();
  await showIncident(act.previewTask);
}

addEventListener("hashchange", () => {
  const id = jobInAddress();
  if (id !== (state.job?.id ?? "")) {
    state.job = id ? { id } : null;
    scrollTo(0, 0);
    draw();
    if (state.signedIn && !state.invited) begin();
    return;
  }
  if (!arrive()) return;
  draw();
  if (state.signedIn && !state.invited) begin();
});

onChange(draw);
arrive();
state.job = jobInAddress() ? { id: jobInAddress() } : null;
state.signedIn = Boolean(token.get());
draw();
if (state.signedIn && !state.invited) begin();
