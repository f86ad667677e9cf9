// The language of the page, and times as people here read them. German is first.
const Language = (() => {
  'use strict';

  const KEPT = 'termine-sprache';
  const ZONE = 'Europe/Berlin';
  const DAY_S = 86400;
  let current = 'de';
  let formats = {};

  function remembered() {
    try { return localStorage.getItem(KEPT); } catch { return null; }
  }

  /** What was chosen here before; else what the browser asks for; else German. */
  function first() {
    const kept = remembered();
    if (kept === 'de' || kept === 'en') return kept;
    const known = (navigator.languages ?? [navigator.language]).map((tag) => String(tag).slice(0, 2).toLowerCase())
      .find((tag) => tag === 'de' || tag === 'en');
    return known ?? 'de';
  }

  function set(language, keep) {
    current = language;
    formats = {};
    document.documentElement.lang = language;
    document.title = say('title');
    if (keep) try { localStorage.setItem(KEPT, language); } catch { /* then it is not remembered */ }
    Dom.retranslate();
  }

  function forget() {
    try { localStorage.removeItem(KEPT); } catch { /* nothing was kept */ }
  }

  const resolved = (value) => (typeof value === 'function' ? value() : value);

  /** The text of now. `{name}` is replaced; `a|b` is singular and plural by `n`. */
  function say(key, values) {
    let text = TEXTS[key]?.[current === 'en' ? 1 : 0];
    if (text === undefined) throw new Error(`no text ${key}`);
    if (values && 'n' in values && text.includes('|')) text = text.split('|')[values.n === 1 ? 0 : 1];
    return values ? text.replace(/\{(\w+)\}/g, (_, name) => resolved(values[name]) ?? '') : text;
  }

  /** The same as a function, for a text that follows the language. */
  const t = (key, values) => () => say(key, values);

  /** A word of the vocabulary, which is German wherever it is not shown. */
  function word(german) {
    const known = WORDS[german] ?? german;
    const [shown, english] = Array.isArray(known) ? known : [german, known];
    return current === 'en' ? english : shown;
  }
  const w = (german) => () => word(german);
  const words = (list) => list.map(word).join(', ');

  function tongue(code) {
    formats.tongue ??= new Intl.DisplayNames(current, { type: 'language' });
    try { return formats.tongue.of(code) ?? code; } catch { return code; }
  }

  function format(name, options) {
    const tag = current === 'en' ? 'en-GB' : 'de-DE';
    formats[name] ??= new Intl.DateTimeFormat(tag, { timeZone: ZONE, ...options });
    return formats[name];
  }

  const date = (unix) => new Date(unix * 1000);
  const day = (unix) => format('day', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(date(unix));
  const shortDay = (unix) => format('short', { weekday: 'short', day: 'numeric', month: 'short' }).format(date(unix));
  const time = (unix) => format('time', { hour: '2-digit', minute: '2-digit' }).format(date(unix));
  const moment = (unix) => `${shortDay(unix)}, ${time(unix)}`;
  const span = (unix, minutes) => `${time(unix)}–${time(unix + minutes * 60)}`;

  // Swedish dates are ISO dates.
  const STAMP = new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE, dateStyle: 'short', timeStyle: 'short' });
  /** `2027-01-12` of a time, and the time of a German `2027-01-12` and `09:00`. */
  const isoDay = (unix) => STAMP.format(date(unix)).slice(0, 10);
  function unixOf(day, clock) {
    const stamp = `${day} ${clock || '00:00'}`;
    const guess = Date.parse(`${stamp.replace(' ', 'T')}:00Z`) / 1000;
    if (!Number.isFinite(guess)) return null;
    // Germany is one hour or two ahead; the hour that the clocks skip has neither.
    return [3600, 7200].map((offset) => guess - offset).find((unix) => STAMP.format(date(unix)) === stamp) ?? null;
  }

  const now = () => Math.floor(Date.now() / 1000);
  const km = (distance) => say('km', { km: distance.toLocaleString(current === 'en' ? 'en-GB' : 'de-DE', { maximumFractionDigits: distance < 10 ? 1 : 0 }) });

  return {
    DAY_S, day, first, forget, get current() { return current; }, isoDay, km, moment, now, say, set, shortDay, span, t, time, tongue, unixOf, w, word, words,
  };
})();
