// One appointment as a card, and lists of them by day.
const Slots = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { say, t, w } = Language;
  const TRUST_ICONS = ['open', 'globe', 'people', 'shieldcheck'];
  const ID_SHOWN = 8;

  const trustBadge = (trust) => el('span', { class: `badge trust-${trust}` }, icon(TRUST_ICONS[trust]), t(`trust_${trust}`));
  const when = (slot) => () => `${Language.shortDay(slot.start)}, ${Language.span(slot.start, slot.duration_min)}`;
  const shortId = (id) => String(id).slice(0, ID_SHOWN).replace(/(.{4})(?=.)/g, '$1 ');

  function facts(slot) {
    const tongues = slot.sprachen ?? [];
    const distance = typeof slot.distance_km === 'number' ? () => `${slot.plz}, ${Language.km(slot.distance_km)}` : () => slot.plz;
    const words = ['modalitaet', 'kostentraeger', 'gruppe'].flatMap((name) => slot[name] ?? []);
    // A space between them, or they are read out as one word.
    return el('ul', { class: 'facts' }, el('li', { class: 'where' }, icon('pin'), distance), words.map((one) => [' ', el('li', null, w(one))]),
      tongues.length > 0 && [' ', el('li', null, () => say('spoken', { list: tongues.map(Language.tongue).join(', ') }))]);
  }

  /** A list item. `own` is the person's own reservation of it, if there is one. */
  function card(slot, own, onAsk) {
    const state = own && (own.state === 'requested' || own.state === 'confirmed') ? own.state : null;
    const action = state
      ? el('span', { class: `badge state-${state}` }, icon(state === 'confirmed' ? 'check' : 'clock'), t(state === 'confirmed' ? 'confirmed_badge' : 'asked_badge'))
      : Controls.button(t('ask'), () => onAsk(slot), {
        class: 'button primary', 'data-key': `ask-${slot.id}`,
        'aria-label': () => say('ask_slot', { when: when(slot), plz: slot.plz }),
      });
    return el('li', { class: state ? `slot mine-${state}` : 'slot' },
      el('div', { class: 'slot-time' }, el('strong', null, () => Language.span(slot.start, slot.duration_min)),
        el('span', { class: 'quiet' }, t('minutes', { n: slot.duration_min }))),
      el('div', { class: 'slot-what' },
        el('p', { class: 'slot-title' }, w(slot.leistung)),
        el('p', null, () => Language.words(slot.fachrichtung ?? [])),
        facts(slot),
        el('p', { class: 'slot-trust' }, trustBadge(slot.trust), ' ', el('span', { class: 'quiet small' }, t('practice_id', { id: shortId(slot.therapist) })))),
      el('div', { class: 'slot-action' }, action));
  }

  /** Days with their appointments; `level` is that of the days' headings. */
  function byDay(slots, draw, level = 'h4') {
    const days = new Map();
    for (const slot of slots) {
      const day = Language.isoDay(slot.start);
      days.set(day, [...(days.get(day) ?? []), slot]);
    }
    return [...days.values()].map((list) => el('section', { class: 'day' },
      el(level, { class: 'day-head' }, () => Language.day(list[0].start)),
      el('ul', { class: 'slots' }, list.map(draw))));
  }

  return { byDay, card, shortId, trustBadge, when };
})();
