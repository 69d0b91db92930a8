// Asks before anything is changed that is not easily taken back, or that everybody feels.

import { foreign, h } from "./dom.js";
import { closedBy, setBy } from "./gate.js";
import { state } from "./store.js";
import { speak } from "./texts.js";

/** Ask why a job is given up; the answer is the request's body, null where it is kept. */
export function askReason(job) {
  const { t } = speak(state.lang);
  return ask({
    title: t.giveUp.title,
    parts: [h("p", { class: "key" }, h("bdi", {}, foreign(job.key))), h("p", {}, t.giveUp.lead)],
    fields: [reasonField(t.giveUp.reason, t.giveUp.needed)],
    yes: t.giveUp.yes,
    no: t.giveUp.no,
    danger: true,
    read: ({ reason }) => (reason.value.trim() ? { reason: reason.value.trim() } : { wrong: reason, text: t.giveUp.needed }),
  });
}

/** Ask until when, and why, a task shall take no jobs. */
export function askToClose(task) {
  const { t, f } = speak(state.lang);
  return ask({
    title: t.gate.closeTitle(task.task),
    parts: [h("p", {}, t.gate.closeLead(task.inside, f.number(task.inside)))],
    fields: [untilField(t, f), reasonField(t.gate.reason)],
    yes: t.gate.close,
    no: t.gate.leave,
    read: ({ until, reason }) => readClosing(t, until, reason),
  });
}

function readClosing(t, until, reason) {
  if (until.validity.badInput) return { wrong: until, text: t.gate.noTime };
  const moment = until.value ? new Date(until.value) : null;
  if (moment && !(moment > new Date())) return { wrong: until, text: t.gate.past };
  return { open: false, ...(moment ? { until: moment.toISOString() } : {}), ...given(reason) };
}

/** Ask before a task takes jobs again. */
export function askOpen(task) {
  const { t, f } = speak(state.lang);
  return ask({
    title: t.gate.openTitle(task.task),
    parts: [h("p", {}, closedBy(t, f, task.gate)), h("p", {}, t.gate.openLead(task.waiting, f.number(task.waiting), task.limit, f.number(task.limit)))],
    fields: [reasonField(t.gate.reason)],
    yes: t.gate.open,
    no: t.gate.leave,
    read: ({ reason }) => ({ open: true, ...given(reason) }),
  });
}

/** Ask before another number of jobs may be in a task at once. */
export function askLimit(task, limit) {
  const { t, f } = speak(state.lang);
  const lead = limit ? t.tasks.limitLead(f.number(limit), f.number(task.limit)) : t.tasks.limit0Lead;
  return ask({
    title: t.tasks.limitTitle(task.task, f.number(limit)),
    parts: [h("p", {}, lead), task.limit_by ? h("p", { class: "quiet" }, setBy(t, f, task)) : null],
    fields: [reasonField(t.gate.reason)],
    yes: t.tasks.set,
    no: t.gate.leave,
    read: ({ reason }) => ({ limit, ...given(reason) }),
  });
}

/** Ask before jobs go back by themselves, or no longer. */
export function askTrigger(enabled) {
  const { t } = speak(state.lang);
  const words = enabled ? t.facts.turnOn : t.facts.turnOff;
  return ask({
    title: words.title,
    parts: [h("p", {}, words.lead)],
    fields: [reasonField(t.gate.reason)],
    yes: words.yes,
    no: t.gate.leave,
    read: ({ reason }) => ({ enabled, ...given(reason) }),
  });
}

const given = (reason) => (reason.value.trim() ? { reason: reason.value.trim() } : {});

function reasonField(label, needed) {
  return [h("label", { for: "reason" }, label), h("textarea", { id: "reason", name: "reason", rows: "3", maxlength: "1000", required: Boolean(needed) })];
}

function untilField(t, f) {
  return [h("label", { for: "until" }, t.gate.untilLabel), h("input", { id: "until", name: "until", type: "datetime-local", "aria-describedby": "until-zone" }), h("p", { class: "quiet", id: "until-zone" }, t.gate.zone(f.zone()))];
}

function ask({ title, parts, fields, yes, no, danger = false, read }) {
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    const finish = (answer) => {
      dialog.close();
      resolve(answer);
    };
    const wrong = h("p", { class: "wrong", id: "answer-wrong", role: "alert" });
    const submit = (event) => {
      event.preventDefault();
      const answer = read(event.target.elements);
      if (!answer.wrong) return finish(answer);
      wrong.textContent = answer.text;
      answer.wrong.setAttribute("aria-invalid", "true");
      answer.wrong.setAttribute("aria-describedby", "answer-wrong");
      return answer.wrong.focus();
    };
    const buttons = h(
      "div",
      { class: "buttons" },
      h("button", { class: `button ${danger ? "danger" : "primary"}`, id: "end-it" }, yes),
      h("button", { class: "button", type: "button", onclick: () => finish(null) }, no),
    );
    const form = h("form", { method: "dialog", novalidate: true, onsubmit: submit }, h("h2", { id: "dialog-title" }, title), parts, fields, wrong, buttons);
    dialog.replaceChildren(form);
    dialog.oncancel = () => resolve(null);
    dialog.showModal();
    dialog.querySelector("textarea, input").focus();
  });
}
