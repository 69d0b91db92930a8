// The language: what was chosen on this page before, else what the browser prefers.

import en from "./texts-en.js";
import ja from "./texts-ja.js";
import { makeFormat } from "./format.js";

const ALL = { en, ja };
const PLACE = "respool-language";

export function preferred() {
  const chosen = localStorage.getItem(PLACE);
  if (chosen in ALL) return chosen;
  const known = navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => tag in ALL);
  return known ?? "en";
}

export function remember(lang) {
  localStorage.setItem(PLACE, lang);
}

export const other = (lang) => (lang === "en" ? "ja" : "en");

/** The texts of a language, with its way to write times and numbers. */
export const speak = (lang) => ({ t: ALL[lang], f: makeFormat(regional(lang)) });

/** As it is written where the reader lives: `en-GB` where the browser says so. */
const regional = (lang) => navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;
