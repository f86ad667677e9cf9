// The practice: requests to decide on, what is offered, and who it is.
const PracticeView = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { say, t, w } = Language;
  const ICS_BYTES_MAX = 32 * 1024 * 1024;
  const TONGUES_MAX = 3;
  const CLOSED = ['declined', 'cancelled', 'expired'];
  const PROFILE = ['fachrichtung', 'kostentraeger', 'modalitaet', 'gruppe', 'setting', 'beruf', 'zugang'];
  const NEEDED = ['fachrichtung', 'kostentraeger', 'modalitaet'];
  const SLOT_ICONS = { free: 'ring', held: 'clock', confirmed: 'check' };
  const SLOT_STATES = { free: 'sl_free', held: 'sl_held', confirmed: 'sl_confirmed' };

  /** A button that does one thing to one item, and says so. */
  function act(label, key, name, work, kind = 'button') {
    const node = el('button', { type: 'button', class: kind, 'data-key': key, 'aria-label': name, on: { click: () => Controls.during(node, work) } }, label);
    return node;
  }

  const section = (title, ...children) => el('section', { class: 'card' }, el('h3', null, t(title)), children);
  const dateOf = (iso) => Language.shortDay(Language.unixOf(iso, '12:00') ?? 0);
  const span = (pause) => t('span_days', { from: () => dateOf(pause.from), to: () => dateOf(pause.to) });

  function create(session) {
    const parts = { pr_requests: el('div'), pr_slots: el('div'), pr_profile: el('div') };
    let practice = null;
    let current = 'pr_requests';
    const tabs = Object.keys(parts).map((name) => el('button', { type: 'button', class: 'tab', 'data-part': name, on: { click: () => go(name) } }, t(name)));
    const node = el('div', null, el('p', { class: 'lead' }, t('practice_lead')), el('div', { class: 'tabs', role: 'group', 'aria-label': t('pr_parts') }, tabs), Object.values(parts));

    function go(name) {
      current = name;
      for (const [key, part] of Object.entries(parts)) part.hidden = key !== name;
      for (const tab of tabs) tab.setAttribute('aria-pressed', String(tab.dataset.part === name));
    }

    // Lists are drawn anew with every change; forms are made once, so that nothing typed is lost.
    const requests = el('div');
    const slots = el('div');
    const patterns = el('div');
    const pauses = el('div');
    const busy = el('p', { class: 'quiet' }, () => say('pr_busy', { n: practice?.busy ?? 0 }));
    const trust = el('div');
    const feed = el('div');
    const profile = profileForm(session, () => practice);
    const needs = el('div', { class: 'note', hidden: true }, icon('open'), el('span', null, t('pr_need_profile')), Controls.button(t('pr_to_profile'), () => { go('pr_profile'); profile.first.focus(); }));

    parts.pr_requests.append(requests);
    const column = (...sections) => el('div', { class: 'column' }, sections);
    parts.pr_slots.append(needs, el('div', { class: 'columns' }, column(
      section('pr_offered', slots),
      section('pr_pauses', el('p', { class: 'quiet' }, t('pr_pauses_text')), pauses, pauseForm(session)),
      section('pr_feed', el('p', { class: 'quiet' }, t('pr_feed_text')), feed)), column(
      section('pr_add', slotForm(session, () => practice)),
      section('pr_patterns', el('p', { class: 'quiet' }, t('pr_patterns_text')), patterns, PatternForm.create(session)),
      section('pr_import', el('p', { class: 'quiet' }, t('pr_import_text')), busy, importForm(session)))));
    parts.pr_profile.append(el('div', { class: 'columns' }, section('pr_profile_title', el('p', { class: 'quiet' }, t('pr_profile_text')), profile.form), section('pr_trust', trust)));

    async function draw() {
      practice = await session.practice();
      const head = Dom.head();
      needs.hidden = Boolean(practice);
      Dom.replace(requests, practice ? requestList(session, practice) : el('div', { class: 'card empty' }, icon('calendar'), el('p', null, el('strong', null, t('pr_start'))),
        el('p', null, t('pr_start_text')), Controls.button(t('pr_to_profile'), () => { go('pr_profile'); profile.first.focus(); }, { class: 'button primary' })), head);
      Dom.replace(slots, slotList(session, practice?.slots ?? []), head);
      Dom.replace(patterns, rows(practice?.patterns ?? [], 'pr_patterns_none', (one) => [el('code', null, one.text),
        act(t('pt_remove'), `pattern-${one.id}`, t('pt_remove_of', { text: one.text }), async () => { await session.removePattern(one.id); Status.say(t('pt_removed')); })]), head);
      Dom.replace(pauses, rows(practice?.pauses ?? [], 'pr_pauses_none', (one) => [el('span', null, span(one)),
        act(t('pt_remove'), `pause-${one.from}`, t('pr_pause_remove_of', { span: span(one) }), async () => { await session.removePause(one.from); Status.say(t('pr_pause_removed')); })]), head);
      Dom.replace(trust, trustPart(practice), head);
      Dom.replace(feed, feedPart(practice?.feed), head);
      profile.show(practice);
      Dom.retranslate();
    }

    go(current);
    session.on('change', () => draw().catch((error) => Status.say(t('failed', { why: Controls.sentence(error) }), 'bad')));
    const ready = draw();
    return { id: 'practice', node, ready, count: () => (practice?.requests ?? []).filter(waiting).length };
  }

  const waiting = (one) => one.state !== 'confirmed' && !CLOSED.includes(one.state);

  function rows(list, none, draw) {
    return list.length === 0 ? el('p', null, t(none)) : el('ul', { class: 'rows' }, list.map((one) => el('li', { class: 'row' }, draw(one))));
  }

  function requestList(session, { requests }) {
    const all = [...requests].sort((a, b) => Number(waiting(b)) - Number(waiting(a)) || a.start - b.start);
    return all.length === 0 ? el('div', { class: 'card empty' }, icon('calendar'), el('p', null, t('pr_requests_none')))
      : el('ul', { class: 'stack' }, all.map((one) => requestCard(session, one)));
  }

  function requestCard(session, one) {
    const when = Slots.when(one);
    const open = waiting(one);
    const confirmed = one.state === 'confirmed';
    const badge = open ? ['requested', 'clock', 'pr_waiting'] : confirmed ? ['confirmed', 'check', 'pr_confirmed'] : ['declined', 'cross', one.state === 'declined' ? 'pr_declined' : `st_${one.state}`];
    return el('li', { class: `card request is-${badge[0]}` },
      el('div', { class: 'request-head' }, el('h3', null, when), el('span', { class: `badge state-${badge[0]}` }, icon(badge[1]), t(badge[2]))),
      el('p', { class: 'quiet small' }, t('made_at', { when: () => Language.moment(one.made_at) })),
      open && [el('p', null, t('pr_until', { when: () => Language.moment(one.until) })), el('p', { class: 'quiet' }, t('pr_contact_hidden'))],
      confirmed && el('dl', { class: 'contact' }, el('dt', null, t('pr_contact')), el('dd', null, one.contact ?? t('pr_contact_none'))),
      open && el('div', { class: 'actions' },
        act([icon('check'), t('pr_confirm')], `yes-${one.id}`, t('pr_confirm_of', { when }), async () => { await session.confirm(one.id); Status.say(t('pr_confirm_done', { when })); }, 'button primary'),
        act(t('pr_decline'), `no-${one.id}`, t('pr_decline_of', { when }), async () => { await session.decline(one.id); Status.say(t('pr_decline_done', { when })); })),
      confirmed && el('div', { class: 'actions' }, act(t('cancel_booking'), `off-${one.id}`, () => `${say('cancel_booking')}: ${when()}`, async () => {
        if (!await Dialogs.confirm({ title: 'cancel_sure', text: 'cancel_sure_text', values: { when }, action: 'cancel_booking' })) return;
        await session.cancelRequest(one.id);
        Status.say(t('cancel_done', { when }));
      })));
  }

  function slotList(session, slots) {
    if (slots.length === 0) return el('p', null, t('pr_slots_none'));
    const row = (slot) => {
      const when = Slots.when(slot);
      return el('li', { class: 'row' }, el('span', null, el('strong', null, () => Language.span(slot.start, slot.duration_min)), ' ', el('span', { class: 'quiet' }, w(slot.leistung))),
        el('span', { class: `badge slot-${slot.state}` }, icon(SLOT_ICONS[slot.state] ?? 'ring'), t(SLOT_STATES[slot.state] ?? 'sl_free')),
        slot.state !== 'confirmed' && act(t('pr_withdraw'), `slot-${slot.id}`, t('pr_withdraw_of', { when }), async () => { await session.withdraw(slot.id); Status.say(t('pr_withdrawn', { when })); }));
    };
    return [Slots.byDay([...slots].sort((a, b) => a.start - b.start), row),
      el('div', { class: 'actions' }, act(t('pr_withdraw_all'), 'withdraw-all', null, async () => {
        if (!await Dialogs.confirm({ title: 'pr_withdraw_all_sure', text: 'pr_withdraw_all_text', action: 'pr_withdraw_all_do', stay: 'abort' })) return;
        await session.withdraw('all');
        Status.say(t('pr_withdrawn_all'));
      }))];
  }

  function formOf(fields, label, work, layout) {
    const send = el('button', { type: 'submit', class: 'button primary' }, t(label));
    const form = el('form', { novalidate: true }, layout ?? el('div', { class: 'grid' }, fields.map((one) => one.node)), el('div', { class: 'actions' }, send));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (Controls.allValid(fields)) Controls.during(send, work);
    });
    return form;
  }

  function slotForm(session, current) {
    const date = Controls.field({ label: 'date', control: Controls.input({ type: 'date' }), check: (v) => (v ? null : 'date_empty') });
    const start = () => Language.unixOf(date.value(), clock.value());
    const clock = Controls.field({
      label: 'clock', control: Controls.input({ type: 'time' }),
      check: (v) => (!v || (date.value() && start() === null) ? 'clock_empty' : date.value() && start() <= Language.now() ? 'past' : null),
    });
    const duration = Controls.field({ label: 'duration', control: Controls.input({ inputmode: 'numeric', value: '50', maxlength: 3 }), check: PatternForm.durationProblem });
    const leistung = Controls.field({ label: 'leistung', control: Controls.wordSelect(session.words.leistung, null) });
    return formOf([date, clock, duration, leistung], 'pr_publish', async () => {
      const practice = current();
      if (!practice) throw new Error(say('pr_need_profile'));
      const slot = { start: start(), duration_min: Number(duration.value()) };
      await session.publish({ plz: practice.plz, ...practice.profile, leistung: leistung.value(), slots: [slot] });
      Status.say(t('pr_published', { when: Slots.when(slot) }));
    });
  }

  function importForm(session) {
    const file = Controls.field({
      label: 'pr_file', wide: true, control: el('input', { type: 'file', accept: '.ics,text/calendar' }),
      check: () => (!file.control.files[0] ? 'pr_file_empty' : file.control.files[0].size > ICS_BYTES_MAX ? 'pr_file_big' : null),
    });
    return formOf([file], 'pr_import_do', async () => {
      const { busy, skipped } = await session.importCalendar(await file.control.files[0].text());
      Status.say(t('pr_imported', { busy, skipped }));
    });
  }

  function pauseForm(session) {
    const from = Controls.field({ label: 'pr_pause_first', control: Controls.input({ type: 'date' }), check: (v) => (v ? null : 'date_empty') });
    const to = Controls.field({ label: 'pr_pause_last', control: Controls.input({ type: 'date' }), check: (v) => (!v ? 'date_empty' : v < from.value() ? 'to_before_from' : null) });
    return formOf([from, to], 'pr_pause_add', async () => {
      const pause = { from: from.value(), to: to.value() };
      await session.pause(pause.from, pause.to);
      Status.say(t('pr_pause_added', { span: span(pause) }));
    });
  }

  function profileForm(session, current) {
    const plz = Controls.field({ label: 'plz', control: Controls.input({ inputmode: 'numeric', maxlength: 5 }), check: (v) => (/^\d{5}$/.test(v) ? null : 'pr_plz_wrong') });
    const sets = Object.fromEntries(PROFILE.map((name) => [name, Controls.ticks({ legend: name, list: session.words[name], check: (list) => (NEEDED.includes(name) && !list.length ? 'pr_choose' : null) })]));
    const tongues = Controls.ticks({ legend: 'pr_tongues', list: session.words.sprachen, shown: Language.tongue, check: (list) => (list.length > TONGUES_MAX ? 'pr_tongues_many' : null) });
    const fields = [plz, ...Object.values(sets), tongues];
    const form = formOf(fields, 'pr_profile_save', async () => {
      try { session.plz(plz.value()); } catch (error) { plz.fail(() => Controls.sentence(error)); plz.control.focus(); return; }
      const profile = Object.fromEntries(PROFILE.map((name) => [name, sets[name].value()]));
      await session.publish({ plz: plz.value(), ...profile, sprachen: tongues.value(), leistung: current()?.slots[0]?.leistung ?? 'Sprechstunde', slots: [] });
      Status.say(t('pr_profile_saved'));
    }, fields.map((one) => one.node));
    let shown = '';
    /** Only what changed elsewhere replaces what is in the form: somebody may be filling it in. */
    function show(practice) {
      const key = JSON.stringify([practice?.plz, practice?.profile]);
      if (!practice || key === shown) return;
      shown = key;
      plz.set(practice.plz);
      for (const name of PROFILE) sets[name].set(practice.profile[name] ?? []);
      tongues.set(practice.profile.sprachen ?? []);
    }
    return { form, first: plz.control, show };
  }

  function copyable(label, text) {
    const field = Controls.field({ label, wide: true, control: text.includes('\n') ? el('textarea', { rows: 8, readonly: true, spellcheck: 'false' }) : Controls.input({ readonly: true }) });
    field.control.value = text;
    field.control.classList.add('code');
    return el('div', { class: 'copyable' }, field.node, act(t('copy'), `copy-${label}`, () => `${say('copy')}: ${say(label)}`, async () => { await navigator.clipboard.writeText(text); Status.say(t('copied')); }));
  }

  const feedPart = (url) => (url ? copyable('pr_feed_address', url) : el('p', null, t('pr_feed_none')));

  function trustPart(practice) {
    if (!practice) return el('p', null, t('pr_start'));
    const expires = Language.isoDay(Language.now() + 365 * Language.DAY_S);
    const file = JSON.stringify({ fapp: 1, keys: [{ key: practice.therapist, expires }] }, null, 2);
    return [el('p', null, Slots.trustBadge(practice.trust)), el('p', { class: 'quiet' }, t(`trust_${practice.trust}_text`)),
      copyable('pr_key', practice.therapist), el('h4', null, t('pr_trust_raise')),
      el('ol', { class: 'steps' }, [1, 2, 3].map((tier) => el('li', null, el('p', null, t(`pr_raise_${tier}`, { file: '.well-known/fapp.json' })), tier === 1 && copyable('pr_file_content', file))))];
  }

  return { create };
})();
