// Alerts: searches that are remembered here and looked at again whenever data arrives.
const AlertsView = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { say, t } = Language;
  const LABEL_MAX = 60;
  const HITS_SHOWN = 5;

  async function createFrom(session, query) {
    const name = Controls.field({
      label: 'alert_name', check: (value) => (value ? null : 'alert_name_empty'),
      control: Controls.input({ maxlength: LABEL_MAX, value: SearchView.describe(query).slice(0, LABEL_MAX) }),
    });
    await Dialogs.open({
      title: 'alert_title', action: 'alert_create', body: [el('p', null, t('alerts_lead')), name.node],
      submit: async () => {
        if (!Controls.allValid([name])) return false;
        await session.addAlert(query, name.value());
        return t('alert_done', { name: name.value() });
      },
    });
  }

  function card(session, alert) {
    const own = new Map(session.reservations().map((one) => [one.slot, one]));
    const hits = [...alert.hits].sort((a, b) => a.start - b.start).slice(0, HITS_SHOWN);
    const remove = el('button', {
      type: 'button', class: 'button', 'data-key': `alert-${alert.id}`, 'aria-label': t('alert_delete_of', { name: alert.label }),
      on: { click: () => Controls.during(remove, async () => { await session.removeAlert(alert.id); Status.say(t('alert_deleted', { name: alert.label })); }) },
    }, t('alert_delete'));
    return el('li', { class: 'card' },
      el('div', { class: 'request-head' }, el('h3', null, alert.label), el('span', { class: alert.hits.length ? 'badge state-confirmed' : 'badge' }, icon('bell'), t('count_hits', { n: alert.hits.length }))),
      el('p', { class: 'quiet' }, () => SearchView.describe(alert.query)),
      hits.length === 0 ? el('p', null, t('alert_no_hits')) : Slots.byDay(hits, (slot) => Slots.card(slot, own.get(slot.id), (chosen) => SearchView.ask(session, chosen))),
      el('div', { class: 'actions' }, remove));
  }

  async function check(session) {
    const regions = new Set(session.loaded()?.regions ?? []);
    for (const alert of session.alerts()) for (const region of session.regionsFor(alert.query)) regions.add(region);
    await session.load([...regions]);
    Status.say(() => say('alert_checked', { time: Language.time(session.loaded()?.at ?? Language.now()) }));
  }

  function create(session) {
    const box = el('div');
    const again = el('button', { type: 'button', class: 'button', 'data-key': 'again', on: { click: () => Controls.during(again, () => check(session)) } }, t('alert_check'));
    function draw() {
      const alerts = session.alerts();
      Dom.replace(box, alerts.length === 0
        ? el('div', { class: 'card empty' }, icon('bell'), el('p', null, el('strong', null, t('alerts_none'))), el('p', null, t('alerts_none_text')))
        : [el('div', { class: 'actions' }, again), el('ul', { class: 'stack' }, alerts.map((alert) => card(session, alert)))], Dom.head());
    }
    draw();
    session.on('change', draw);
    return { id: 'alerts', node: el('div', null, el('p', { class: 'lead' }, t('alerts_lead')), box), count: () => session.alerts().reduce((sum, alert) => sum + alert.hits.length, 0), countText: 'count_hits' };
  }

  return { create, createFrom };
})();
