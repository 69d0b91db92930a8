// Reads a number of jobs as people type it.

/**
 * {value} for a whole number from 1 to `most`; else {problem}: "none" for what is no such number,
 * "many" for more than there are. Digits of a Japanese keyboard are digits.
 */
export function readCount(text, most) {
  const plain = text.normalize("NFKC").trim();
  if (!/^(\d{1,9}|\d{1,3}(,\d{3}){1,3})$/.test(plain)) return { problem: "none" };
  const value = Number(plain.replaceAll(",", ""));
  if (value < 1) return { problem: "none" };
  return value > most ? { problem: "many" } : { value };
}

/** The same for a task's limit, where 0 and more than there are jobs are numbers, too. */
export function readLimit(text) {
  const plain = text.normalize("NFKC").trim();
  return /^\d{1,4}$/.test(plain) && Number(plain) <= 1000 ? { value: Number(plain) } : { problem: "none" };
}
