// Times and numbers as people say them, in their language and their time zone.

const DAY = 86_400_000;

export function makeFormat(lang) {
  const clock = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const weekday = new Intl.DateTimeFormat(lang, { weekday: "long" });
  const date = new Intl.DateTimeFormat(lang, { day: "numeric", month: "long" });
  const full = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  const number = new Intl.NumberFormat(lang);

  function day(moment, now) {
    const days = Math.round((startOfDay(now) - startOfDay(moment)) / DAY);
    if (days === 0 || days === 1) return relative.format(-days, "day");
    if (days > 1 && days < 6) return weekday.format(moment);
    return date.format(moment);
  }

  return {
    number: (value) => number.format(value),
    /** `Friday 22:10`, `yesterday 03:00`, `today 22:10`, `3 November 22:10`. */
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
    clock: (text) => clock.format(new Date(text)),
    date: (text) => date.format(new Date(text)),
    full: (text) => full.format(new Date(text)),
  };
}

function startOfDay(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}
