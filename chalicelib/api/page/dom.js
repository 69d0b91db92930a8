// Elements are made, never parsed: whatever text comes from a job stays text.

const SVG = "http://www.w3.org/2000/svg";
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** An element with properties (`on...` are listeners, `class`, `data-...`, `aria-...` as written). */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

/** Text from a job: characters that turn its direction or can't be seen are shown by their codes. */
export function foreign(text) {
  return text.replace(UNSEEN, (sign) => `\u2039U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u203a`);
}

/** Our own sentences name an execution by its name: nobody reads an ARN. */
export const withoutArns = (text) => text.replace(/\barn:aws[a-z-]*:states:[^\s,;]*?:(?:execution:[^\s,;:]+|stateMachine):([^\s,;:]+)/g, "$1");

/** A line drawing of 20 by 20, for the eye only. */
export function icon(path) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 20 20");
  picture.setAttribute("aria-hidden", "true");
  picture.setAttribute("class", "icon");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  picture.append(line);
  return picture;
}

/** A time that does not wrap, with the whole of it, year and zone, for whoever points at it. */
export function time(f, text, shown = f.moment(text)) {
  return h("time", { datetime: text, title: f.full(text) }, shown);
}

/**
 * Let a container show what `build` makes, but only when `signature` says that it changed; the
 * focus stays on the control of the same `data-k`, with its selection.
 */
export function show(container, signature, build) {
  const told = JSON.stringify(signature);
  if (container.dataset.shown === told) return;
  const held = container.contains(document.activeElement) ? document.activeElement : null;
  const key = held?.dataset.k;
  const range = held && "selectionStart" in held ? textRange(held) : null;
  container.replaceChildren(...[build()].flat(Infinity).filter(Boolean));
  container.dataset.shown = told;
  if (!key) return;
  const successor = container.querySelector(`[data-k="${CSS.escape(key)}"]`);
  successor?.focus({ preventScroll: true });
  if (successor && range) successor.setSelectionRange(...range);
}

function textRange(field) {
  return field.selectionStart === null ? null : [field.selectionStart, field.selectionEnd];
}

export const ICONS = {
  replay: "M4 10a6 6 0 1 1 1.8 4.3M4 5.5V10h4.4",
  hold: "M7 5v10M13 5v10",
  release: "M7 4.8 15 10l-8 5.2z",
  more: "M5 8l5 5 5-5",
  out: "M8 5H5v10h10v-3M11 4h5v5M16 4l-7 7",
  end: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  lock: "M6 9V6.8a4 4 0 0 1 8 0V9M5 9h10v7H5z",
  calm: "M4.5 10.5l3.6 3.6L15.5 6.5",
  wait: "M10 5.5V10l3 2M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14z",
  find: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM12.8 12.8 16.5 16.5",
  risk: "M10 3.5 17.5 16.5h-15zM10 8v4M10 14.2v.3",
};
