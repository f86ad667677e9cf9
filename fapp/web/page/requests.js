// What the person asked for, and what became of it.
const RequestsView = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { say, t } = Language;
  const STATE_ICONS = { requested: 'clock', confirmed: 'check', declined: 'cross', expired: 'cross', cancelled: 'cross' };
  const OPEN = ['requested', 'confirmed'];

  const isOpen = (one) => OPEN.includes(one.state);
  const badge = (state) => el('span', { class: `badge state-${state}` }, icon(STATE_ICONS[state]), t(`st_${state}`));

  function reason(one) {
    if (one.state === 'confirmed') return () => `${say('st_confirmed_text')} ${say(one.contact_given ? 'st_contact_given' : 'st_contact_none')}`;
    if (one.reason) return t(`why_${one.reason}`);
    return TEXTS[`st_${one.state}_text`] ? t(`st_${one.state}_text`) : '';
  }

  function saveIcs(session, one) {
    const file = new Blob([session.icsOf(one.id)], { type: 'text/calendar' });
    const url = URL.createObjectURL(file);
    el('a', { href: url, download: `termin-${Language.isoDay(one.start)}.ics` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    Status.say(t('ics_done'));
  }

  async function cancel(session, one) {
    const when = Slots.when(one);
    const sure = one.state === 'requested' || await Dialogs.confirm({ title: 'cancel_sure', text: 'cancel_sure_text', values: { when }, action: 'cancel_booking' });
    if (!sure) return;
    await session.cancel(one.id);
    Status.say(t('cancel_done', { when }));
  }

  function alternatives(session, one, own) {
    if (!one.alternatives?.length) return null;
    const wanted = new Set(one.alternatives);
    const slots = session.search({}).filter((slot) => wanted.has(slot.id));
    return el('div', { class: 'alternatives' }, el('h5', null, t('alternatives')),
      slots.length === 0 ? el('p', { class: 'quiet' }, t('alternatives_gone'))
        : el('ul', { class: 'slots dated' }, slots.map((slot) => el('li', { class: 'row' }, el('span', null, Slots.when(slot)),
          own.has(slot.id) ? badge(own.get(slot.id).state) : Controls.button(t('ask'), () => SearchView.ask(session, slot), {
            'data-key': `ask-${slot.id}`, 'aria-label': t('ask_slot', { when: Slots.when(slot), plz: slot.plz }),
          })))));
  }

  function card(session, one, own) {
    const when = Slots.when(one);
    const act = el('button', {
      type: 'button', class: 'button', 'data-key': `cancel-${one.id}`,
      'aria-label': () => `${say(one.state === 'confirmed' ? 'cancel_booking' : 'cancel_request')}: ${when()}`,
      on: { click: () => Controls.during(act, () => cancel(session, one)) },
    }, t(one.state === 'confirmed' ? 'cancel_booking' : 'cancel_request'));
    return el('li', { class: `card request is-${one.state}` },
      el('div', { class: 'request-head' }, el('h4', null, when), badge(one.state)),
      el('p', null, reason(one)),
      one.state === 'requested' && SearchView.notBooked(),
      el('p', { class: 'quiet small' }, () => [one.plz, say('made_at', { when: Language.moment(one.made_at) }), say('practice_id', { id: Slots.shortId(one.therapist) })].filter(Boolean).join(' · ')),
      alternatives(session, one, own),
      isOpen(one) && el('div', { class: 'actions' },
        one.state === 'confirmed' && Controls.button([icon('calendar'), t('ics')], () => saveIcs(session, one), { class: 'button primary', 'data-key': `ics-${one.id}`, 'aria-label': () => `${say('ics')}: ${when()}` }), act));
  }

  function part(session, title, list, own) {
    return list.length > 0 && el('section', null, el('h3', null, t(title)), el('ul', { class: 'stack' }, list.map((one) => card(session, one, own))));
  }

  function create(session) {
    const box = el('div');
    const states = new Map(session.reservations().map((one) => [one.id, one.state]));

    function draw() {
      const all = [...session.reservations()].sort((a, b) => a.start - b.start);
      const own = new Map(all.filter(isOpen).map((one) => [one.slot, one]));
      Dom.replace(box, all.length === 0
        ? el('div', { class: 'card empty' }, icon('calendar'), el('p', null, el('strong', null, t('requests_none'))), el('p', null, t('requests_none_text')))
        : [part(session, 'requests_open', all.filter(isOpen), own), part(session, 'requests_past', all.filter((one) => !isOpen(one)), own)], Dom.head());
      tell(all);
    }

    /** An answer that arrives is said wherever the person is on the page. */
    function tell(all) {
      for (const one of all) {
        const before = states.get(one.id);
        states.set(one.id, one.state);
        if (before && before !== one.state && one.reason !== 'patient') {
          Status.say(t('state_now', { when: Slots.when(one), state: t(`st_${one.state}`) }), one.state === 'confirmed' ? 'good' : 'bad');
        }
      }
    }

    draw();
    session.on('change', draw);
    return { id: 'requests', node: el('div', null, el('p', { class: 'lead' }, t('requests_lead')), box), count: () => session.reservations().filter(isOpen).length };
  }

  return { create };
})();
