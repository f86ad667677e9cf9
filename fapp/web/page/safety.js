// What the page protects from and what not, its own checksum, and how to leave nothing behind.
const SafetyView = (() => {
  'use strict';
  const { el, icon } = Dom;
  const { t } = Language;

  function keep(session) {
    return el('section', { class: 'card' }, el('h3', null, t('safe_keep')), el('p', null, t('safe_keep_text')),
      session.origin === 'disk' ? el('p', { class: 'note' }, icon('check'), el('span', null, t('safe_disk')))
        : el('div', { class: 'actions' }, el('a', { class: 'button primary', href: '/termine.html', download: 'termine.html' }, t('safe_download')),
          el('a', { class: 'button', href: '/termine.html.sig', download: 'termine.html.sig' }, t('safe_signature'))));
  }

  function stored(session) {
    const forget = el('button', { type: 'button', class: 'button danger', 'data-key': 'forget', on: { click: () => Controls.during(forget, sure) } }, t('safe_forget'));
    async function sure() {
      if (!await Dialogs.confirm({ title: 'safe_forget_sure', text: 'safe_stored_text', action: 'safe_forget_do', stay: 'abort' })) return;
      await session.forget();
      Language.forget();
      Status.say(t('safe_forgotten'));
    }
    return el('section', { class: 'card' }, el('h3', null, t('safe_stored')),
      session.mode === 'own' ? el('p', null, t('safe_own_text')) : [el('p', null, t('safe_stored_text')), el('div', { class: 'actions' }, forget)]);
  }

  function create(session) {
    return { id: 'safety', node: el('div', { class: 'reading' }, el('section', { class: 'card' }, el('h3', null, icon('shield'), t('safe_limit')), el('p', null, t('safe_limit_text'))),
      keep(session),
      el('section', { class: 'card' }, el('h3', null, t('safe_hash')), el('p', { class: 'hash' }, el('code', null, String(session.hash).replace(/(.{8})(?=.)/g, '$1 '))), el('p', { class: 'quiet' }, t('safe_hash_text'))),
      stored(session)) };
  }

  return { create };
})();
