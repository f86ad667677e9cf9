// The form of a weekly pattern, and the text it makes: `Mo,Di 09:00-12:00/50m+10m ab 2027-01-04`.
const PatternForm = (() => {
  'use strict';
  const { el } = Dom;
  const { t } = Language;
  const DAYS = ['Mo', 'Di', 'Mi', 'Do', 'Fr', 'Sa', 'So'];
  const MONDAY = 1704070800; // 2024-01-01 02:00 in Germany, a Monday
  const DURATION = { least: 10, most: 240 };

  const dayName = (german) => new Intl.DateTimeFormat(Language.current, { weekday: 'long', timeZone: 'Europe/Berlin' })
    .format(new Date((MONDAY + DAYS.indexOf(german) * Language.DAY_S) * 1000));
  const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
  const between = (value, least, most) => /^\d{1,3}$/.test(value) && Number(value) >= least && Number(value) <= most;
  const durationProblem = (value) => (between(value, DURATION.least, DURATION.most) ? null : 'duration_wrong');

  /** `6.5.2027, 2027-05-27` as ISO days; null when one of them is no day. */
  function days(text) {
    const parts = text.split(/[,;\s]+/).filter(Boolean).map((part) => {
      const [, d, m, y] = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(part) ?? [];
      const iso = y ? `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}` : part;
      const whole = /^\d{4}-\d\d-\d\d$/.test(iso) && Number.isFinite(Date.parse(iso)) && new Date(iso).toISOString().startsWith(iso);
      return whole ? iso : null;
    });
    return parts.includes(null) ? null : parts;
  }

  function formFields() {
    const f = {};
    f.days = Controls.ticks({ legend: 'pt_days', list: DAYS, shown: dayName, check: (list) => (list.length ? null : 'pt_days_empty') });
    f.from = Controls.field({ label: 'pt_from', control: Controls.input({ type: 'time', value: '09:00' }), check: (v) => (v ? null : 'clock_empty') });
    f.to = Controls.field({
      label: 'pt_to', control: Controls.input({ type: 'time', value: '12:00' }),
      check: (v) => (!v ? 'clock_empty' : minutes(v) - minutes(f.from.value() || '00:00') < Number(f.duration.value()) ? 'pt_order' : null),
    });
    f.duration = Controls.field({ label: 'duration', control: Controls.input({ inputmode: 'numeric', value: '50', maxlength: 3 }), check: durationProblem });
    f.gap = Controls.field({ label: 'pt_gap', control: Controls.input({ inputmode: 'numeric', value: '10', maxlength: 3 }), check: (v) => (between(v || '0', 0, 120) ? null : 'pt_gap_wrong') });
    f.since = Controls.field({ label: 'pt_since', control: Controls.input({ type: 'date' }) });
    f.until = Controls.field({ label: 'pt_until', control: Controls.input({ type: 'date' }), check: (v) => (v && f.since.value() && v < f.since.value() ? 'to_before_from' : null) });
    f.except = Controls.field({ label: 'pt_except', hint: 'pt_except_hint', control: Controls.input(), wide: true, check: (v) => (days(v) ? null : 'pt_except_wrong') });
    return f;
  }

  function text(f) {
    const chosen = f.days.value();
    const gap = Number(f.gap.value());
    const except = days(f.except.value()) ?? [];
    return [chosen.join(','), `${f.from.value()}-${f.to.value()}/${f.duration.value()}m${gap ? `+${gap}m` : ''}`,
      f.since.value() && `ab ${f.since.value()}`, f.until.value() && `bis ${f.until.value()}`, except.length && `außer ${except.join(',')}`].filter(Boolean).join(' ');
  }

  function create(session) {
    const f = formFields();
    const all = Object.values(f);
    const { days: weekdays, except, ...rest } = f;
    const send = el('button', { type: 'submit', class: 'button primary' }, t('pt_add'));
    const form = el('form', { novalidate: true }, weekdays.node, el('div', { class: 'grid' }, Object.values(rest).map((one) => one.node), except.node), el('div', { class: 'actions' }, send));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!Controls.allValid(all)) return;
      const added = text(f);
      Controls.during(send, async () => { await session.addPattern(added); Status.say(t('pt_added', { text: added })); });
    });
    return form;
  }

  return { create, durationProblem };
})();
