// The API over fetch. The token stands in the header only, and lives as long as the tab, or in this
// browser where the person wants that.

const PLACE = "respool-token";
const PATIENCE = { GET: 15_000, POST: 35_000, PUT: 30_000 };

export class Refused extends Error {
  /** What the API answered instead; status 0: it did not answer. */
  constructor(status, text) {
    super(text);
    this.status = status;
  }

  /** Whether nobody knows if it was done all the same. */
  get lost() {
    return this.status === 0 || this.status >= 500;
  }
}

export const token = {
  get: () => sessionStorage.getItem(PLACE) ?? localStorage.getItem(PLACE),
  set(pasted, keep = false) {
    token.forget();
    (keep ? localStorage : sessionStorage).setItem(PLACE, bare(pasted));
  },
  forget() {
    sessionStorage.removeItem(PLACE);
    localStorage.removeItem(PLACE);
  },
};

const AROUND = "[\\s\"'`\u201c-\u201e\u2018-\u201a\u00ab\u00bb\u300c\u300d]"; // quotes of all kinds, and blanks

/** A token without what is pasted along with it: quotes, `Bearer`, the header's name. */
export function bare(pasted) {
  const before = new RegExp(`^(?:${AROUND}|authorization:|bearer(?=${AROUND}))+`, "i");
  return pasted.replace(before, "").replace(new RegExp(`${AROUND}+$`), "");
}

const base = new URL("./", location.href);

/** Call a route; returns its JSON or throws Refused. */
export async function call(method, path, { query = {}, body, once } = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const headers = { Authorization: `Bearer ${token.get() ?? ""}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (once) headers["Idempotency-Key"] = once;
  const answer = await send(url, { method, headers, body: body && JSON.stringify(body) });
  const told = await answer.json().catch(() => null);
  if (answer.ok && told !== null) return told;
  const text = told?.error ?? told?.message ?? told?.Message ?? "";
  throw new Refused(answer.ok ? 0 : answer.status, String(text));
}

async function send(url, request) {
  try {
    const signal = AbortSignal.timeout(PATIENCE[request.method]);
    return await fetch(url, { ...request, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch {
    throw new Refused(0, "");
  }
}

/** A key, or a task's name, as it stands in a path: as it is, or as ~ and its UTF-8 in base64url. */
export function written(text) {
  if (/^(?!(?:\.{1,2}|groups)$)[A-Za-z0-9._-]+$/.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return `~${btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}
