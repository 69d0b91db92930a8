// The bar with the stage's name, how old the numbers are, and what is wrong with the page itself.

import { ICONS, foreign, h, icon } from "./dom.js";
import { reason } from "./reasons.js";
import { state } from "./store.js";

/** Stages that people work on: they must not look like one to play with. */
const REAL = /prod|live/i;

export const stageName = () => state.status?.stage.replace(/^respool-/, "") ?? "";
export const isReal = () => REAL.test(stageName());

export const barSignature = () => [state.lang, state.status?.stage, state.signedIn];

export function bar(t, act) {
  const otherLang = state.lang === "en" ? "ja" : "en";
  const name = state.status ? h("span", { class: `stage${isReal() ? " real" : ""}` }, h("span", { class: "unseen" }, t.stage("")), stageName()) : null;
  return [
    h("p", { class: "brand" }, h("img", { src: document.querySelector("link[rel=icon]").href, alt: "", width: "26", height: "26" }), h("span", {}, "respool"), name),
    h(
      "div",
      { class: "tools" },
      h("button", { class: "button plain small", type: "button", lang: otherLang, id: "language", "data-k": "language", onclick: act.switchLanguage }, t.language),
      state.signedIn ? h("button", { class: "button plain small", type: "button", id: "lock", "data-k": "lock", "aria-label": t.lock, title: t.lock, onclick: act.lock }, icon(ICONS.lock)) : null,
    ),
  ];
}

/** When all this was so, and in whose time zone; it changes with each look, so it is drawn apart. */
export const ageSignature = () => [state.lang, state.status?.at, Boolean(state.lostAt)];

export function age(t, f, act) {
  if (!state.status) return null;
  return h(
    "p",
    { class: "age quiet" },
    h("span", {}, t.asOf(f.seconds(state.status.at), f.zone())),
    h("button", { class: "button plain small", type: "button", "data-k": "refresh", onclick: act.retry }, icon(ICONS.replay), t.refresh),
  );
}

export const noticesSignature = (now) => [state.lang, state.lostAt, state.notices, state.status?.next_loss, now.toDateString()];

export function notices(t, f, act) {
  const lost = state.lostAt && h(
    "div",
    { class: "notice lost", role: "alert" },
    h("p", {}, h("b", {}, t.offline.title(f.clock(state.lostAt))), ` ${t.offline.lead}`),
    h("button", { class: "button small", type: "button", "data-k": "retry", onclick: act.retry }, t.offline.retry),
  );
  const loss = state.status?.next_loss;
  const risk = loss && h(
    "div",
    { class: "notice risk" },
    h("p", {}, icon(ICONS.risk), t.risk[loss.why](foreign(loss.key), f.date(loss.at))),
    h("button", { class: "button small", type: "button", "data-k": "risk", onclick: () => act.find(loss.key) }, t.risk.show),
  );
  const wrong = state.notices.map((notice, n) => h(
    "div",
    { class: "notice wrong", role: "alert" },
    h("p", {}, h("b", {}, t.problem[notice.status] ?? t.problem.other), notice.text ? ` ${reason(t, notice.text)}` : ""),
    h("button", { class: "button small", type: "button", "data-k": `notice ${n}`, onclick: () => act.dismiss(n) }, t.replay.close),
  ));
  return [lost, ...wrong, risk];
}

export const invitationSignature = () => [state.lang, "invitation", state.invited];

/** Somebody was given a link: nothing is kept, and nothing asked of the server, before a yes. */
export function invitation(t, act) {
  const submit = (event) => {
    event.preventDefault();
    act.accept(event.target.elements.keep.checked);
  };
  return h(
    "form",
    { class: "sign-in", onsubmit: submit },
    h("h1", {}, t.invited.title),
    h("p", { class: "lead" }, t.invited.lead),
    h("label", { class: "keep" }, h("input", { id: "keep", name: "keep", type: "checkbox", "data-k": "keep" }), t.invited.keep),
    h("p", { class: "quiet" }, t.invited.shared),
    h("button", { class: "button primary big", id: "accept", "data-k": "accept" }, t.signIn.button),
    h("button", { class: "button", type: "button", "data-k": "decline", onclick: act.decline }, t.invited.no),
  );
}

export const signInSignature = () => [state.lang, "sign-in", state.problem];

export function signIn(t, act) {
  const submit = (event) => {
    event.preventDefault();
    const given = event.target.elements.token.value.trim();
    if (given) act.signIn(given);
  };
  return h(
    "form",
    { class: "sign-in", onsubmit: submit },
    h("h1", {}, t.signIn.title),
    h("p", { class: "lead" }, t.signIn.lead),
    h("label", { for: "token" }, t.signIn.label),
    h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false", "data-k": "token", "aria-describedby": state.problem ? "token-problem" : null, "aria-invalid": state.problem ? "true" : null }),
    state.problem ? h("p", { class: "wrong", id: "token-problem", role: "alert" }, t.signIn[state.problem]) : null,
    h("button", { class: "button primary big" }, t.signIn.button),
    h("p", { class: "quiet" }, t.signIn.help),
  );
}
