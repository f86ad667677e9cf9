// Searching: the form, the list of what is free by day, and the map beside it.
const SearchView = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { say, t } = Language;
  const RADII_KM = [5, 10, 25, 50, 100];
  const RADIUS_KM = 25;
  const PAGE = 20;
  const LIMIT = 300;
  const TRUST_TIERS = [1, 2, 3];

  function plzProblem(value) {
    if (!value) return 'plz_empty';
    return /^\d{2,5}$/.test(value) ? null : 'plz_form';
  }

  function formFields(words) {
    const choice = (label) => Controls.field({ label, control: Controls.wordSelect(words[label]) });
    const fields = {
      plz: Controls.field({
        label: 'plz', hint: 'plz_hint', check: plzProblem,
        control: Controls.input({ inputmode: 'numeric', maxlength: 5, required: true, autocomplete: 'postal-code', id: 'plz' }),
      }),
      radius: Controls.field({
        label: 'radius', hint: 'radius_hint',
        control: Controls.select({}, RADII_KM.map((km) => el('option', { value: km, selected: km === RADIUS_KM }, t('radius_option', { km })))),
      }),
      leistung: choice('leistung'), kostentraeger: choice('kostentraeger'), fachrichtung: choice('fachrichtung'),
      sprache: Controls.field({ label: 'sprache', control: Controls.tongueSelect(words.sprachen) }),
      modalitaet: choice('modalitaet'), gruppe: choice('gruppe'), setting: choice('setting'), zugang: choice('zugang'), beruf: choice('beruf'),
      trust: Controls.field({
        label: 'trust_filter',
        control: Controls.select({}, [el('option', { value: '' }, t('all')), TRUST_TIERS.map((tier) => el('option', { value: tier }, t('trust_at_least', { label: t(`trust_${tier}`) })))]),
      }),
      from: Controls.field({ label: 'from', control: Controls.input({ type: 'date' }) }),
    };
    fields.to = Controls.field({
      label: 'to', control: Controls.input({ type: 'date' }),
      check: (value) => (value && fields.from.value() && value < fields.from.value() ? 'to_before_from' : null),
    });
    return fields;
  }

  const USUAL = ['plz', 'radius', 'leistung', 'kostentraeger', 'fachrichtung', 'sprache'];
  const MORE = ['modalitaet', 'gruppe', 'setting', 'zugang', 'beruf', 'trust', 'from', 'to'];
  const WORDS_OF = ['leistung', 'kostentraeger', 'fachrichtung', 'sprache', 'modalitaet', 'gruppe', 'setting', 'zugang', 'beruf'];

  function readQuery(fields) {
    const query = {};
    const plz = fields.plz.value();
    if (plz.length === 5) Object.assign(query, { plz, radius_km: Number(fields.radius.value()) });
    else query.plz_prefix = plz;
    for (const name of WORDS_OF) if (fields[name].value()) query[name] = fields[name].value();
    if (fields.trust.value()) query.trust = Number(fields.trust.value());
    if (fields.from.value()) query.from = Language.unixOf(fields.from.value());
    if (fields.to.value()) query.to = Language.unixOf(fields.to.value(), '23:59');
    return query;
  }

  /** What a query asks for, in words: where, then what. */
  function describe(query) {
    const where = query.plz ? say('around', { km: query.radius_km, plz: query.plz }) : query.plz_prefix ? say('in_area', { plz: query.plz_prefix }) : '';
    const what = WORDS_OF.filter((name) => query[name]).map((name) => (name === 'sprache' ? Language.tongue(query[name]) : Language.word(query[name])));
    if (query.trust) what.push(say('trust_at_least', { label: say(`trust_${query.trust}`) }));
    if (query.from) what.push(`${say('from')} ${Language.shortDay(query.from)}`);
    if (query.to) what.push(`${say('to')} ${Language.shortDay(query.to)}`);
    return [where, ...what].filter(Boolean).join(' · ');
  }

  function create(session) {
    const fields = formFields(session.words);
    const all = Object.values(fields);
    const results = el('section', { class: 'results', 'aria-labelledby': 'results' });
    const summary = el('summary', null, () => {
      const n = MORE.filter((name) => fields[name].value()).length;
      return n ? say('more_filters_set', { n }) : say('more_filters');
    });
    const more = el('details', { class: 'more' }, summary, el('div', { class: 'grid' }, MORE.map((name) => fields[name].node)));
    const send = el('button', { type: 'submit', class: 'button primary big' }, icon('pin'), t('search_button'));
    const form = el('form', { class: 'card finder', novalidate: true, role: 'search', 'aria-label': t('view_search') },
      el('p', { class: 'quiet small' }, t('required_note')),
      el('div', { class: 'grid' }, USUAL.map((name) => fields[name].node)), more,
      el('div', { class: 'actions' }, send, Controls.button(t('reset'), reset, { class: 'button plain' })));
    let found = null; // {query, slots, place, shown}

    function reset() {
      for (const [name, field] of Object.entries(fields)) if (name !== 'plz') field.set(name === 'radius' ? String(RADIUS_KM) : '');
      Dom.retranslate();
      if (found) local(false); else Status.say(t('reset_done'));
    }

    form.addEventListener('submit', (event) => {
      event.preventDefault();
      // A wrong date hides among the further filters: show it before the focus goes there.
      if (!fields.from.valid() || !fields.to.valid()) more.open = true;
      if (!Controls.allValid(all)) return Status.say(t('form_errors'), 'bad');
      return Controls.during(send, run);
    });
    form.addEventListener('change', (event) => {
      Dom.retranslate();
      if (found && event.target !== fields.plz.control && all.every((field) => field.valid())) local(false);
    });

    function known(query) {
      try {
        if (query.plz) session.plz(query.plz);
        return session.regionsFor(query);
      } catch (error) {
        fields.plz.fail(() => Controls.sentence(error));
        fields.plz.control.focus();
        return null;
      }
    }

    async function run() {
      const regions = known(readQuery(fields));
      if (!regions) return;
      Status.say(t('loading', { regions: regions.join(', ') }), 'busy');
      let failure = null;
      await session.load(regions).catch((error) => { failure = Controls.sentence(error); });
      local(true);
      if (failure) Status.say(t('load_failed', { why: failure }), 'bad');
    }

    function local(go) {
      const query = readQuery(fields);
      if (!known(query)) return;
      const slots = session.search({ ...query, limit: LIMIT }).sort((a, b) => a.start - b.start);
      found = { query, slots, place: '', shown: PAGE };
      draw();
      if (go) document.getElementById('results').focus();
      Status.say(() => `${say(slots.length ? 'found' : 'found_none', { n: slots.length })} ${describe(query)}`, 'unseen');
    }

    const shownSlots = () => (found.place ? found.slots.filter((slot) => slot.plz === found.place) : found.slots);

    function places() {
      const known = new Map();
      for (const slot of found?.slots ?? []) {
        const place = known.get(slot.plz) ?? { plz: slot.plz, lat: slot.lat, lon: slot.lon, km: slot.distance_km, count: 0 };
        place.count += 1;
        known.set(slot.plz, place);
      }
      return [...known.values()].sort((a, b) => (a.km ?? 0) - (b.km ?? 0) || a.plz.localeCompare(b.plz));
    }

    function pick(plz) {
      found.place = plz;
      found.shown = PAGE;
      draw();
      const n = shownSlots().length;
      Status.say(plz ? t('place_option', { where: plz, count: t('found', { n }) }) : t('found', { n }), 'unseen');
    }

    function placeChoice(list) {
      const where = (place) => (typeof place.km === 'number' ? `${place.plz}, ${Language.km(place.km)}` : place.plz);
      const option = (place) => el('option', { value: place.plz, selected: place.plz === found.place }, t('place_option', { where: () => where(place), count: t('found', { n: place.count }) }));
      const control = Controls.select({ 'data-key': 'place' }, [el('option', { value: '' }, t('place_all')), list.map(option)]);
      control.addEventListener('change', () => pick(control.value));
      return Controls.field({ label: 'place', hint: 'map_note', control, wide: true }).node;
    }

    function map(list) {
      const { query } = found ?? {};
      const centre = query?.plz ? session.plz(query.plz) : null;
      return el('div', { class: 'map-frame' }, GermanyMap.draw({
        grid: session.places(), places: list, centre, radius: query?.radius_km ?? 0, chosen: found?.place ?? '', zoom: found?.zoom, onPick: pick, onZoom: (group) => { found.zoom = group; draw(); },
      }));
    }

    function head() {
      const { query, slots } = found;
      const at = session.loaded()?.at;
      return el('div', { class: 'results-head' },
        el('div', null, el('h3', { id: 'results', tabindex: '-1' }, t(slots.length ? 'found' : 'found_none', { n: slots.length })),
          el('p', { class: 'quiet' }, () => describe(query) + (at ? ` · ${say('as_of', { time: Language.time(at) })}` : ''))),
        Controls.button([icon('bell'), t('alert_save')], () => AlertsView.createFrom(session, query), { 'data-key': 'alert' }));
    }

    function list() {
      const own = new Map(session.reservations().map((one) => [one.slot, one]));
      const slots = shownSlots();
      const visible = slots.slice(0, found.shown);
      const left = slots.length - visible.length;
      return [Slots.byDay(visible, (slot) => Slots.card(slot, own.get(slot.id), (chosen) => ask(session, chosen))),
        left > 0 && Controls.button(t('more', { n: Math.min(left, PAGE) }), showMore, { 'data-key': 'more', class: 'button wide-button' }),];
    }

    function showMore() {
      const before = found.shown;
      found.shown += PAGE;
      draw();
      results.querySelectorAll('.slot button')[before]?.focus();
      Status.say(t('more_done', { n: Math.min(found.shown, shownSlots().length) }), 'unseen');
    }

    function nothingYet() {
      return [el('div', { class: 'list-side' }, el('h3', { id: 'results', tabindex: '-1' }, t('results_none_yet')), el('p', null, t('results_none_yet_text')), explain()), map([])];
    }

    function draw() {
      if (!found) return Dom.replace(results, el('div', { class: 'split' }, nothingYet()));
      const spots = places();
      const empty = found.slots.length === 0;
      return Dom.replace(results, [head(), el('div', { class: 'split' },
        el('div', { class: 'list-side' },
          empty ? el('p', { class: 'card' }, t('found_none_text')) : [notBooked(), spots.length > 1 && placeChoice(spots), list()], explain()),
        map(spots))], results.querySelector('#results'));
    }

    draw();
    session.on('change', () => { if (found) draw(); });
    return { id: 'search', node: el('div', null, el('p', { class: 'lead' }, t('search_lead')), form, results) };
  }

  const notBooked = () => el('p', { class: 'note' }, icon('clock'), el('span', null, el('strong', null, t('not_booked')), ' ', t('not_booked_text')));

  function explain() {
    return [el('p', { class: 'quiet' }, t('tss')),
      el('details', { class: 'plain-details' }, el('summary', null, t('trust_what')),
        el('dl', { class: 'tiers' }, [0, 1, 2, 3].map((tier) => [el('dt', null, Slots.trustBadge(tier)), el('dd', null, t(`trust_${tier}_text`))])))];
  }

  /** The dialog in which somebody asks for an appointment. */
  async function ask(session, slot) {
    const CONTACT_BYTES_MAX = 400;
    // A contact text is one line: what receives it takes no control characters.
    const line = (value) => value.replace(/\s*[\r\n]+\s*/g, ', ').replace(/\p{Cc}/gu, ' ');
    const contact = Controls.field({
      label: 'contact', hint: 'contact_hint', control: el('textarea', { rows: 3, autocomplete: 'off' }),
      check: (value) => (new TextEncoder().encode(line(value)).length > CONTACT_BYTES_MAX ? 'contact_long' : null),
    });
    const body = [el('p', { class: 'dialog-slot' }, el('strong', null, Slots.when(slot)), el('span', null, () => `${Language.word(slot.leistung)} · ${slot.plz}`), Slots.trustBadge(slot.trust)),
      notBooked(), slot.trust === 0 && el('p', { class: 'note warn' }, icon('open'), el('span', null, t('trust_0_text'), ' ', t('t0_warning'))), contact.node];
    await Dialogs.open({
      title: 'ask_title', body, action: 'ask_send',
      submit: async () => {
        if (!Controls.allValid([contact])) return false;
        Status.say(t('ask_busy'), 'busy');
        await session.reserve(slot.id, line(contact.value()) || null);
        return t('ask_done');
      },
    });
  }

  return { ask, create, describe, notBooked };
})();
