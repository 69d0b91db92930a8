// Asks before a job is ended for good.

import { h } from "./dom.js";
import { state } from "./store.js";
import { speak } from "./texts.js";

/** Ask for the reason; returns it, or "" where the job is kept. */
export function ask(job) {
  const { t } = speak(state.lang);
  const dialog = document.getElementById("dialog");
  return new Promise((resolve) => {
    const finish = (reason) => {
      dialog.close();
      resolve(reason);
    };
    dialog.replaceChildren(form(t, job, finish));
    dialog.oncancel = () => resolve("");
    dialog.showModal();
    dialog.querySelector("textarea").focus();
  });
}

function form(t, job, finish) {
  const needed = h("p", { class: "wrong", id: "reason-needed", role: "alert" });
  const field = h("textarea", { id: "reason", rows: "3", maxlength: "1000", "aria-describedby": "reason-needed", required: true });
  const submit = (event) => {
    event.preventDefault();
    const reason = field.value.trim();
    if (reason) return finish(reason);
    needed.textContent = t.giveUp.needed;
    field.setAttribute("aria-invalid", "true");
    return field.focus();
  };
  return h(
    "form",
    { method: "dialog", novalidate: true, onsubmit: submit },
    h("h2", { id: "dialog-title" }, t.giveUp.title),
    h("p", { class: "key" }, job.key),
    h("p", {}, t.giveUp.lead),
    h("label", { for: "reason" }, t.giveUp.reason),
    field,
    needed,
    h(
      "div",
      { class: "buttons" },
      h("button", { class: "button danger", id: "end-it" }, t.giveUp.yes),
      h("button", { class: "button", type: "button", onclick: () => finish("") }, t.giveUp.no),
    ),
  );
}
