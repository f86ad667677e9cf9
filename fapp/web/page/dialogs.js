// Dialogs: a <dialog> keeps the focus inside and Escape closes it; here it is also given back.
const Dialogs = (() => {
  'use strict';
  const { el, fresh } = Dom;
  const { t } = Language;

  /**
   * Opens a dialog and waits until it is closed. `submit` may refuse by returning false, or return what is to be said.
   * @returns {Promise<boolean>} whether it was submitted.
   */
  function open({ title, body, action, danger, stay, submit, required }) {
    const id = fresh('dialog');
    const opener = document.activeElement;
    const key = opener?.closest?.('[data-key]')?.dataset.key;
    const send = el('button', { type: 'submit', class: danger ? 'button danger' : 'button primary' }, t(action));
    const cancel = !required && el('button', { type: 'button', class: 'button', on: { click: () => dialog.close() } }, t(stay ?? 'abort'));
    const form = el('form', { method: 'dialog', novalidate: true }, el('h2', { id }, t(title)), body, el('div', { role: 'status', class: 'toast' }),
      el('div', { class: 'actions' }, send, cancel));
    const dialog = el('dialog', { 'aria-labelledby': id }, form);
    let done = false;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      await Controls.during(send, async () => {
        const said = submit ? await submit() : null;
        if (said === false) return;
        done = true;
        dialog.close();
        if (said) Status.say(said);
      });
    });
    if (required) dialog.addEventListener('cancel', (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => {
        dialog.remove();
        giveBack(opener, key);
        resolve(done);
      });
    });
  }

  /** To what opened it; if that was drawn anew, to its successor; else to the head of the view. */
  function giveBack(opener, key) {
    const again = key && document.querySelector(`main [data-key="${CSS.escape(key)}"]`);
    const target = opener?.isConnected && opener !== document.body ? opener : again || Dom.head();
    target?.focus();
  }

  const confirm = (options) => open({ danger: true, stay: 'cancel_keep', ...options, body: el('p', null, t(options.text, options.values)) });

  return { confirm, open };
})();

/** Asks for the node that the page, opened from disk, loads its data from. */
async function askNodeAddress(previous) {
  'use strict';
  const HOST = /^(https?:\/\/)?(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?\/?$/i;
  Page.prepare();
  const address = Controls.field({
    label: 'node_address', hint: 'node_hint',
    control: Controls.input({ inputmode: 'url', spellcheck: 'false', autocapitalize: 'none', value: previous ?? '' }),
    check: (value) => (HOST.test(value) ? null : 'node_wrong'),
  });
  const body = [Dom.el('p', null, Language.t('node_text')), address.node];
  const ask = () => Dialogs.open({ title: 'node_title', body, action: 'node_connect', required: true, submit: () => Controls.allValid([address]) });
  // Browsers let a second Escape through; without an address there is nothing to show, so ask again.
  while (!await ask());
  return address.value();
}
