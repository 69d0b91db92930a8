// Times and numbers as people say them, in their language and their time zone.

const DAY = 86_400_000;

export function makeFormat(lang) {
  const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const seconds = new Intl.DateTimeFormat(lang, { timeStyle: "medium", hourCycle: "h23" });
  const weekday = new Intl.DateTimeFormat(lang, { weekday: "long" });
  const date = new Intl.DateTimeFormat(lang, { day: "numeric", month: "long" });
  const dateAndYear = new Intl.DateTimeFormat(lang, { day: "numeric", month: "long", year: "numeric" });
  const full = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "long" });
  const zone = new Intl.DateTimeFormat(lang, { timeZoneName: "short" });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  const number = new Intl.NumberFormat(lang);

  function day(moment, now) {
    const days = Math.round((startOfDay(moment) - startOfDay(now)) / DAY);
    if (Math.abs(days) <= 1) return relative.format(days, "day");
    if (Math.abs(days) < 6) return weekday.format(moment);
    return (moment.getFullYear() === now.getFullYear() ? date : dateAndYear).format(moment);
  }

  return {
    number: (value) => number.format(value),
    /** `Friday 22:10`, `yesterday 03:00`, `3 November 22:10`, `23 December 2025 22:10`. */
    moment(text, now = new Date()) {
      const moment = new Date(text);
      if (Number.isNaN(moment.getTime())) return "?";
      return `${day(moment, now)} ${clock.format(moment)}`;
    },
    /** `Friday 22:10 – 23:00`, `Friday 22:10 – today 03:00`. */
    span(first, last, now = new Date()) {
      const [from, to] = [new Date(first), new Date(last)];
      if (startOfDay(from) !== startOfDay(to)) return `${this.moment(first, now)}\u00a0– ${this.moment(last, now)}`;
      if (clock.format(from) === clock.format(to)) return this.moment(first, now);
      return `${this.moment(first, now)}\u00a0–\u00a0${clock.format(to)}`;
    },
    /** `$0.01`, `less than $0.01` is for the texts: what costs anything is never shown as nothing. */
    dollars: (value) => new Intl.NumberFormat(lang, { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: value < 0.1 ? 4 : 2 }).format(value),
    clock: (text) => clock.format(new Date(text)),
    seconds: (text) => seconds.format(new Date(text)),
    date: (text) => dateAndYear.format(new Date(text)),
    full: (text) => full.format(new Date(text)),
    /** `Asia/Tokyo, GMT+9`. */
    zone(now = new Date()) {
      const short = zone.formatToParts(now).find((part) => part.type === "timeZoneName")?.value;
      return `${Intl.DateTimeFormat().resolvedOptions().timeZone}, ${short}`;
    },
  };
}

function startOfDay(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}
