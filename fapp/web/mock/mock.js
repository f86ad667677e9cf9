// A session with invented data that keeps the contract of the page's core, so that the page can be
// tried and tested without a daemon. The address says which: ?mode=own, ?origin=disk, ?offline, ?empty.
(() => {
  'use strict';
  const options = new URLSearchParams(location.search);
  const DAY_S = 86400;
  const WORK_MS = 30;
  const WORDS = {
    beruf: ['Psychologische/r Psychotherapeut/in', 'Kinder- und Jugendlichenpsychotherapeut/in', 'Fachpsychotherapeut/in', 'Fachärztin/Facharzt für Psychiatrie und Psychotherapie',
      'Fachärztin/Facharzt für Psychosomatische Medizin und Psychotherapie', 'Fachärztin/Facharzt für Kinder- und Jugendpsychiatrie und -psychotherapie'],
    fachrichtung: ['Verhaltenstherapie', 'Tiefenpsychologisch fundierte Psychotherapie', 'Analytische Psychotherapie', 'Systemische Therapie', 'Neuropsychologische Therapie', 'EMDR', 'Gesprächspsychotherapie'],
    modalitaet: ['Praxis', 'Video', 'Telefon', 'Hausbesuch'],
    kostentraeger: ['GKV', 'PKV', 'Beihilfe', 'Selbstzahler', 'Kostenerstattung', 'BG', 'Bundeswehr', 'Bundespolizei', 'Heilfürsorge', 'SER', 'Jugendamt'],
    gruppe: ['Erwachsene', 'Kinder und Jugendliche'],
    setting: ['Einzel', 'Gruppe', 'Kombination'],
    leistung: ['Sprechstunde', 'Probatorik', 'Akutbehandlung', 'KZT', 'LZT'],
    zugang: ['barrierefrei', 'ÖPNV', 'Parkplatz'],
    sprachen: ['de', 'en', 'tr', 'ar', 'ru', 'uk', 'pl', 'fr', 'es', 'it', 'fa', 'ro'],
  };
  const PLZ = {
    80331: [48.1372, 11.5755], 80469: [48.1309, 11.5735], 80799: [48.1546, 11.5766], 81667: [48.1297, 11.5966], 80636: [48.1527, 11.541], 85354: [48.4029, 11.7412], 82319: [47.998, 11.34],
    10115: [52.5323, 13.3846], 10405: [52.5368, 13.4262], 12043: [52.4811, 13.4353], 14467: [52.3989, 13.0657], 20095: [53.5503, 9.9992], 22765: [53.5528, 9.9335], 20357: [53.5635, 9.957],
  };
  const therapist = (n) => (0x9e3779b1 * (n + 3) >>> 0).toString(16).padStart(8, '0').repeat(8);
  const PRACTICES = [
    ['80331', 3, 0, ['GKV'], ['de', 'en']], ['80469', 1, 1, ['GKV', 'PKV'], ['de', 'tr']], ['80799', 2, 3, ['PKV', 'Selbstzahler'], ['de']], ['81667', 0, 0, ['GKV', 'Kostenerstattung'], ['de', 'ar']],
    ['80636', 1, 2, ['GKV'], ['de', 'fr']], ['85354', 2, 0, ['GKV', 'Beihilfe'], ['de']], ['82319', 0, 3, ['Selbstzahler'], ['de', 'en', 'es']],
    ['10115', 1, 0, ['GKV'], ['de', 'en', 'uk']], ['10405', 3, 1, ['GKV', 'PKV'], ['de', 'pl']], ['12043', 0, 0, ['GKV'], ['de', 'tr', 'ar']],
    ['20095', 2, 3, ['GKV'], ['de']], ['22765', 1, 0, ['PKV'], ['de', 'en']], ['20357', 0, 1, ['GKV', 'Jugendamt'], ['de', 'ru']],
  ];
  const SLOTS_EACH = 3;
  const fail = (text) => { throw new Error(text); };
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const pause = () => new Promise((resolve) => { setTimeout(resolve, WORK_MS); });
  const now = () => Math.floor(Date.now() / 1000);
  const midnight = now() - (now() % DAY_S);

  const allSlots = PRACTICES.flatMap(([plz, trust, direction, kostentraeger, sprachen], p) => Array.from({ length: SLOTS_EACH }, (_, k) => ({
    id: (0x10000 + p * 97 + k).toString(16).padStart(32, '0'), therapist: therapist(p), start: midnight + (1 + (p * 5 + k * 3) % 11) * DAY_S + (7 + (p + k * 3) % 9) * 3600 + (k % 2) * 1800,
    duration_min: k === 1 ? 25 : 50, plz, lat: PLZ[plz][0], lon: PLZ[plz][1], leistung: WORDS.leistung[(p + k) % 3], fachrichtung: [WORDS.fachrichtung[direction]],
    modalitaet: k === 2 ? ['Praxis', 'Video'] : ['Praxis'], kostentraeger, gruppe: [WORDS.gruppe[kostentraeger.includes('Jugendamt') ? 1 : 0]], sprachen, trust,
    setting: ['Einzel'], zugang: p % 2 ? ['barrierefrei', 'ÖPNV'] : ['ÖPNV'], beruf: [WORDS.beruf[kostentraeger.includes('Jugendamt') ? 1 : 0]],
  })));

  const listeners = new Set();
  const changed = () => { for (const listener of listeners) listener(); };
  const state = { regions: [], at: null, reservations: [], alerts: [], practice: null, serial: 0 };
  const fresh = (stem) => `${stem}${state.serial += 1}`;

  function km(a, b) {
    const rad = Math.PI / 180;
    const h = Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
    return 12742 * Math.asin(Math.sqrt(h));
  }

  function plz(text) {
    const spot = PLZ[text] ?? fail(Language.current === 'en' ? `The postal code ${text} does not exist.` : `Die Postleitzahl ${text} gibt es nicht.`);
    return { plz: text, region: text.slice(0, 2), lat: spot[0], lon: spot[1] };
  }

  function search(query) {
    const centre = query.plz ? plz(query.plz) : null;
    const has = (name, list) => !query[name] || list.includes(query[name]);
    return allSlots.map((slot) => ({ ...slot, distance_km: centre ? km(centre, slot) : null }))
      .filter((slot) => state.regions.includes(slot.plz.slice(0, 2)) && slot.plz.startsWith(query.plz_prefix ?? '') && (!centre || slot.distance_km <= (query.radius_km ?? 25))
        && ['fachrichtung', 'modalitaet', 'kostentraeger', 'gruppe', 'setting', 'zugang', 'beruf'].every((name) => has(name, slot[name])) && has('sprache', slot.sprachen) && has('leistung', [slot.leistung])
        && slot.start >= (query.from ?? 0) && slot.start <= (query.to ?? Infinity) && slot.trust >= (query.trust ?? 0))
      .sort((a, b) => a.start - b.start).slice(0, query.limit ?? Infinity);
  }

  function reservation(slot, more) {
    return { id: fresh('r'), slot: slot.id, start: slot.start, duration_min: slot.duration_min, plz: slot.plz, state: 'requested', reason: null, made_at: now() - 3600, contact_given: false, alternatives: [], therapist: slot.therapist, ...more };
  }

  function seed() {
    const [a, b, c, d, e] = [0, 4, 8, 12, 16].map((i) => allSlots[i]);
    state.reservations = [reservation(a, { state: 'confirmed', contact_given: true }), reservation(b), reservation(c, { state: 'declined', reason: 'taken', alternatives: [allSlots[7].id, 'gone'] }),
      reservation(d, { state: 'expired' }), reservation(e, { state: 'cancelled', reason: 'patient' })];
    state.alerts = [{ id: 'a0', label: 'Systemisch, München', query: { plz: '80331', radius_km: 50, fachrichtung: 'Systemische Therapie' } }];
    state.regions = ['80', '81', '82', '85'];
    state.at = now() - 600;
    const at = (day, hour) => midnight + day * DAY_S + hour * 3600;
    const slot = (id, start, leistung, of) => ({ id, start, duration_min: 50, leistung, modalitaet: ['Praxis'], state: of });
    const request = (id, from, of, contact) => ({ id, slot: from.id, start: from.start, duration_min: 50, made_at: now() - 1200, until: now() + 7200, state: of, contact });
    const slots = [slot('s1', at(1, 8), 'Sprechstunde', 'held'), slot('s2', at(1, 9), 'Sprechstunde', 'free'), slot('s3', at(2, 13), 'Probatorik', 'confirmed'), slot('s4', at(3, 8), 'Akutbehandlung', 'free')];
    state.practice = {
      therapist: therapist(40), plz: '80331', trust: 1, busy: 34, feed: 'webcal://127.0.0.1:8464/v1/own/feed.ics', slots, patterns: [{ id: 'p1', text: 'Di 09:00-12:00/50m+10m' }], pauses: [{ from: '2027-02-08', to: '2027-02-19' }],
      profile: { beruf: [WORDS.beruf[0]], fachrichtung: ['Verhaltenstherapie'], modalitaet: ['Praxis', 'Video'], kostentraeger: ['GKV', 'PKV'], gruppe: ['Erwachsene'], setting: ['Einzel'], zugang: ['ÖPNV'], sprachen: ['de', 'en'] },
      requests: [request('q1', slots[0], 'requested', null), request('q2', slots[2], 'confirmed', 'A. Beispiel, 089 0000000, lieber vormittags')],
    };
  }
  if (!options.has('empty')) seed();

  const practice = () => state.practice ?? fail('Noch kein Profil.');
  async function act(change) { await pause(); const result = change(); changed(); return result; }
  function settle(id, to) {
    const request = practice().requests.find((one) => one.id === id) ?? fail('Diese Anfrage gibt es nicht mehr.');
    request.state = to;
    for (const slot of practice().slots) if (slot.id === request.slot) slot.state = to === 'confirmed' ? 'confirmed' : 'free';
  }

  const session = {
    mode: options.get('mode') === 'own' ? 'own' : 'visitor', origin: options.get('origin') === 'disk' ? 'disk' : 'served',
    node: options.has('offline') ? null : { address: '10.0.0.1:8464', version: '0.9.0', now: now(), mailboxes: [] }, words: WORDS,
    hash: '3b1f6c0de9a47e25'.repeat(4), plz, search, practice: () => copy(state.practice),
    places: () => { const grid = []; for (let lat = 47.6; lat < 54.9; lat += 0.32) for (let lon = 6.4; lon < 14.9; lon += 0.5) if (inGermany(lat, lon)) grid.push([lat, lon, '00']); return grid; },
    regionsFor: ({ plz: code, radius_km: radius, plz_prefix: prefix }) => {
      const centre = code && plz(code);
      const near = (other) => (centre ? km(centre, { lat: PLZ[other][0], lon: PLZ[other][1] }) <= (radius ?? 25) : other.startsWith(prefix ?? ''));
      return [...new Set(Object.keys(PLZ).filter(near).map((other) => other.slice(0, 2)))];
    },
    async load(regions) {
      await pause();
      if (options.has('offline')) fail(Language.current === 'en' ? 'The node does not answer.' : 'Der Knoten antwortet nicht.');
      state.regions = [...new Set([...state.regions, ...regions])];
      state.at = now();
      changed();
      return session.loaded();
    },
    loaded: () => ({ regions: state.regions, at: state.at, announces: PRACTICES.length, slots: allSlots.length, refused: 0 }),
    reserve: (id, contact) => act(() => {
      const made = reservation(allSlots.find((slot) => slot.id === id) ?? fail('Diesen Termin gibt es nicht mehr.'), { made_at: now(), contact_given: Boolean(contact) });
      state.reservations.push(made);
      return made.id;
    }),
    cancel: (id) => act(() => { Object.assign(state.reservations.find((one) => one.id === id), { state: 'cancelled', reason: 'patient' }); }),
    reservations: () => copy(state.reservations),
    icsOf: (id) => `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//mock//DE\r\nBEGIN:VEVENT\r\nUID:${id}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`,
    alerts: () => state.alerts.map((alert) => ({ ...copy(alert), hits: search(alert.query) })),
    addAlert(query, label) { state.alerts.push({ id: fresh('a'), query, label }); changed(); },
    removeAlert(id) { state.alerts = state.alerts.filter((alert) => alert.id !== id); changed(); },
    forget() { Object.assign(state, { reservations: [], alerts: [], regions: [], at: null }); changed(); },
    on: (_, listener) => listeners.add(listener),
    publish: (offer) => act(() => {
      plz(offer.plz);
      const { plz: code, leistung, slots, ...profile } = offer;
      state.practice ??= { therapist: therapist(40), slots: [], requests: [], patterns: [], pauses: [], busy: 0, trust: 0, feed: null };
      Object.assign(state.practice, { plz: code, profile });
      for (const slot of slots) state.practice.slots.push({ ...slot, id: fresh('s'), leistung, modalitaet: profile.modalitaet, state: 'free' });
      return { slots: state.practice.slots.length };
    }),
    withdraw: (id) => act(() => { practice().slots = practice().slots.filter((slot) => slot.state === 'confirmed' || (id !== 'all' && slot.id !== id)); }),
    confirm: (id) => act(() => settle(id, 'confirmed')), decline: (id) => act(() => settle(id, 'declined')), cancelRequest: (id) => act(() => settle(id, 'cancelled')),
    addPattern: (text) => act(() => { practice().patterns.push({ id: fresh('p'), text }); }),
    removePattern: (id) => act(() => { practice().patterns = practice().patterns.filter((one) => one.id !== id); }),
    pause: (from, to) => act(() => { practice().pauses.push({ from, to }); }),
    removePause: (from) => act(() => { practice().pauses = practice().pauses.filter((one) => one.from !== from); }),
    importCalendar: (text) => act(() => {
      const busy = text.split('BEGIN:VEVENT').length - 1;
      practice().busy += busy;
      return { busy, skipped: 0 };
    }),
  };

  /** The ring of the mainland, in degrees: lon, lat, lon, lat. */
  const mainland = OUTLINE[0].reduce((sum, step, i) => [...sum, step / 100 + (sum[i - 2] ?? 0)], []);

  function inGermany(lat, lon) {
    let odd = false;
    for (let i = 0, j = mainland.length - 2; i < mainland.length; j = i, i += 2) {
      const [x, y, u, v] = [mainland[i], mainland[i + 1], mainland[j], mainland[j + 1]];
      if ((y > lat) !== (v > lat) && lon < ((u - x) * (lat - y)) / (v - y) + x) odd = !odd;
    }
    return odd;
  }

  // What a practice answers, for whoever drives the page from outside.
  window.mock = { answer(change) { Object.assign(state.reservations.find((one) => one.state === 'requested'), change); changed(); } };

  async function boot() {
    if (options.has('broken')) return showStartError('WebAssembly ist in diesem Browser abgeschaltet.');
    if (session.origin === 'disk') session.node.address = await askNodeAddress('');
    return startPage(session);
  }
  boot();
})();
