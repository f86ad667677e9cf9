// The page itself: its views, the way between them, and what is always there.
const Page = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { say, t } = Language;
  const CRISIS = [['crisis_112', '112', '112'], ['crisis_116117', '116117', '116 117'], ['crisis_0800', '08001110111', '0800 111 0 111']];
  const byId = (id) => document.getElementById(id);
  let prepared = false;
  let views = [];

  /** Everything outside the views, in the language of now. Once. */
  function prepare() {
    if (prepared) return;
    prepared = true;
    for (const [id, key] of [['skip', 'skip'], ['title', 'title'], ['tagline', 'tagline'], ['starting', 'starting']]) Dom.replace(byId(id), [t(key)]);
    for (const [id, key] of [['views', 'views'], ['languages', 'languages'], ['crisis', 'crisis'], ['about', 'about']]) Dom.follow(byId(id), () => byId(id).setAttribute('aria-label', say(key)));
    Dom.replace(byId('crisis').querySelector('ul'), CRISIS.map(([key, number, shown]) => el('li', null,
      el('a', { href: `tel:${number}` }, icon('phone'), el('span', null, t(key)), ' ', el('strong', null, shown)))));
    byId('skip').addEventListener('click', (event) => { event.preventDefault(); byId('main').focus(); });
    for (const language of ['de', 'en']) byId(`to-${language}`).addEventListener('click', () => speak(language, true));
    speak(Language.first(), false);
  }

  function speak(language, keep) {
    Language.set(language, keep);
    for (const one of ['de', 'en']) byId(`to-${one}`).setAttribute('aria-pressed', String(one === language));
    const shown = views.find((view) => !view.section.hidden);
    if (shown) document.title = `${say(shown.title)} – ${say('title')}`;
  }

  function footer(session) {
    const link = (id, key) => el('button', { type: 'button', class: 'button plain', on: { click: () => show(id, true) } }, t(key));
    return [el('div', { class: 'actions' }, link('easy', 'view_easy'), link('safety', 'view_safety')),
      session.mode === 'visitor' && el('p', null, el('strong', null, t('safe_limit')), ' ', () => `SHA-256 ${String(session.hash).slice(0, 16)}…`), el('p', null, t('safe_none')), el('p', null, t('capacity')), el('p', null, t('attribution')),
      session.node && el('p', { class: 'small' }, t('node_state', { address: session.node.address, version: session.node.version }))];
  }

  function show(id, go) {
    if (go) Status.clear();
    for (const view of views) {
      view.section.hidden = view.id !== id;
      view.tab?.removeAttribute('aria-current');
      if (view.id !== id) continue;
      view.tab?.setAttribute('aria-current', 'page');
      document.title = `${say(view.title)} – ${say('title')}`;
      if (go) {
        // Without an address of its own: the one of the owner's page carries a secret.
        if (history.state?.view !== id) history.pushState({ view: id }, '');
        view.head.focus();
        window.scrollTo(0, 0);
      }
    }
  }

  function add(view) {
    const title = `view_${view.id}`;
    const head = el('h2', { tabindex: '-1', id: `head-${view.id}` }, t(title));
    const section = el('section', { class: `view view-${view.id}`, 'aria-labelledby': head.id, hidden: true }, head, view.node);
    const number = view.count && el('span', { class: 'count', hidden: true });
    const tab = view.count === undefined ? null : el('button', { type: 'button', class: 'tab', on: { click: () => show(view.id, true) } }, el('span', null, t(title)), number);
    views.push({ ...view, head, number, section, tab, title });
    byId('main').append(section);
    if (tab) byId('views').append(tab);
  }

  function counts() {
    for (const { count, number, countText } of views) {
      if (!number) continue;
      const n = count();
      number.hidden = n === 0;
      Dom.replace(number, [el('span', { 'aria-hidden': 'true' }, String(n)), el('span', { class: 'unseen' }, t(countText ?? 'count_requests', { n }))]);
    }
  }

  const easyView = () => ({
    id: 'easy', node: el('div', { class: 'easy', lang: 'de' }, EASY.map((line) => (line.startsWith('# ') ? el('h3', null, line.slice(2)) : el('p', null, line)))),
  });

  async function begin(session) {
    prepare();
    byId('starting')?.remove();
    if (!session.node) byId('main').append(el('p', { class: 'note warn' }, icon('open'), el('span', null, t('node_missing'))));
    add({ ...SearchView.create(session), count: null });
    add(RequestsView.create(session));
    add(AlertsView.create(session));
    const practice = session.mode === 'own' ? PracticeView.create(session) : null;
    if (practice) add(practice);
    add(SafetyView.create(session));
    add(easyView());
    byId('views').hidden = false;
    Dom.replace(byId('about'), footer(session));
    history.replaceState({ view: 'search' }, '');
    window.addEventListener('popstate', (event) => show(event.state?.view ?? 'search', false));
    session.on('change', () => queueMicrotask(counts));
    show('search', false);
    speak(Language.current, false);
    counts();
    await practice?.ready;
    counts();
  }

  return { begin, prepare };
})();

/** Called once by the core when it is ready. */
async function startPage(session) {
  'use strict';
  await Page.begin(session);
}

/** What is left when there is no core: a sentence, and the crisis numbers. */
function showStartError(text) {
  'use strict';
  Page.prepare();
  document.getElementById('starting')?.remove();
  document.getElementById('main').append(Dom.el('div', { class: 'card', role: 'alert' }, Dom.el('h2', null, Language.t('start_error')),
    Dom.el('p', null, String(text)), Dom.el('p', null, Language.t('start_help'))));
}
