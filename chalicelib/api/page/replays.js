// The replays of everybody: those under way with how far they are, and what became of the last ones.

import { foreign, h, time } from "./dom.js";
import { cameTo, meter, stopButton } from "./panel.js";
import { readOnly, state } from "./store.js";

const SHOWN = 5; // of those that are over

export const replaysSignature = (now) => [state.lang, state.replays, state.flow.id, readOnly(), now.toDateString()];

export function replays(t, f, act) {
  const others = state.replays.filter(({ id }) => id !== state.flow.id);
  const running = others.filter((replay) => replay.state === "running");
  const over = others.filter((replay) => replay.state !== "running").slice(0, SHOWN);
  if (!running.length && !over.length) return null;
  return h(
    "section",
    { class: "replays", "aria-labelledby": "replays-title" },
    h("h2", { id: "replays-title" }, t.replays.title),
    running.map((replay) => underWay(t, f, act, replay)),
    over.length ? h("ul", {}, over.map((replay) => h("li", {}, line(t, f, replay)))) : null,
  );
}

function underWay(t, f, act, replay) {
  return h(
    "div",
    { class: "panel under-way", id: `replay-${replay.id}` },
    h("p", {}, t.replays.running(whoOf(t, replay), replay.wanted, f.number(replay.wanted), f.moment(replay.started_at), f.number(replay.put_back)), why(replay)),
    meter(t, f, replay, replay.wanted),
    readOnly() ? null : h("div", { class: "buttons" }, stopButton(t, act, replay)),
  );
}

/** `kim put 60 back at 09:12: 57 finished, 3 failed again`. */
function line(t, f, replay) {
  const { put_back: back, refused, outcomes } = replay;
  const told = [...cameTo(t, f, outcomes), ...(refused ? [t.replays.refused(refused, f.number(refused))] : [])];
  const stopped = replay.stopped_by ? ` ${t.replay.stopped(foreign(replay.stopped_by))}` : "";
  return [
    t.replays.line(whoOf(t, replay), back, f.number(back)),
    " ",
    time(f, replay.started_at),
    told.length ? `${t.replays.colon}${told.join(t.replays.comma)}${t.stop}` : t.stop,
    stopped,
    why(replay),
  ];
}

export const whoOf = (t, { kind, by, asked }) => (kind === "press" ? foreign(by) : t.replays.who[kind](foreign(asked.task ?? "")));
const why = ({ reason }) => (reason ? h("span", { class: "quiet", dir: "auto" }, ` “${foreign(reason)}”`) : null);
