// Parts of forms: every control has a label, and says its hint and its error with it.
const Controls = (() => {
  'use strict';
  const { el, fresh, icon } = Dom;
  const { say, t, w, word } = Language;

  /**
   * A control with its label. `check(value)` gives the key (or a function) of what is wrong, or nothing.
   * @returns {{node, control, value, set, fail, valid}}
   */
  function field({ label, hint, control, check, wide, labels }) {
    const id = control.id || fresh('f');
    const error = el('p', { class: 'error', id: `${id}-error`, hidden: true });
    const describes = hint ? `${id}-hint` : null;
    control.id = id;
    if (describes) control.setAttribute('aria-describedby', describes);
    const node = el('div', { class: wide ? 'field wide-field' : 'field' },
      el('label', { for: id }, t(label, labels)), control,
      hint && el('p', { class: 'hint', id: describes }, t(hint)), error);

    function fail(key) {
      error.hidden = !key;
      error.replaceChildren();
      if (key) Dom.append(error, [icon('cross'), typeof key === 'function' ? key : t(key)]);
      if (key) control.setAttribute('aria-invalid', 'true'); else control.removeAttribute('aria-invalid');
      const by = [key && error.id, describes].filter(Boolean).join(' ');
      if (by) control.setAttribute('aria-describedby', by); else control.removeAttribute('aria-describedby');
    }
    const value = () => control.value.trim();
    function valid() {
      const key = (control.validity?.badInput ? 'date_wrong' : null) ?? check?.(value()) ?? null;
      fail(key);
      return !key;
    }
    control.addEventListener('input', () => { if (!error.hidden) valid(); });
    return { node, control, value, set: (v) => { control.value = v; fail(null); }, fail, valid };
  }

  const input = (props) => el('input', { type: 'text', autocomplete: 'off', ...props });
  const select = (props, options) => el('select', props, options);

  /** One of the words, or none. */
  function wordSelect(list, none = 'all') {
    return select({}, [none && el('option', { value: '' }, t(none)), list.map((german) => el('option', { value: german }, w(german)))]);
  }

  function tongueSelect(codes) {
    const node = select({});
    // Sorted by how the language of now calls them, so again when that changes.
    Dom.follow(node, () => {
      const chosen = node.value;
      const named = codes.map((code) => [code, Language.tongue(code)]).sort((a, b) => a[1].localeCompare(b[1], Language.current));
      node.replaceChildren(el('option', { value: '' }, say('all_languages')), ...named.map(([code, name]) => el('option', { value: code }, name)));
      node.value = chosen;
    });
    return node;
  }

  /** Any number of words, as boxes to tick. `needs` is the key of what to say when the choice is wrong. */
  function ticks({ legend, list, shown = word, check }) {
    const id = fresh('g');
    const boxes = list.map((german) => el('input', { type: 'checkbox', value: german, id: fresh('c') }));
    const error = el('p', { class: 'error', id: `${id}-error`, hidden: true });
    const node = el('fieldset', { class: 'ticks' }, el('legend', null, t(legend)),
      el('div', { class: 'tick-list' }, boxes.map((box) => el('label', { for: box.id, class: 'tick' }, box, el('span', null, () => shown(box.value))))), error);
    const value = () => boxes.filter((box) => box.checked).map((box) => box.value);
    function fail(key) {
      error.hidden = !key;
      error.replaceChildren();
      if (key) Dom.append(error, [icon('cross'), typeof key === 'function' ? key : t(key)]);
      for (const box of boxes) {
        if (key) box.setAttribute('aria-describedby', error.id); else box.removeAttribute('aria-describedby');
      }
    }
    function valid() {
      const key = check?.(value()) ?? null;
      fail(key);
      return !key;
    }
    node.addEventListener('change', () => { if (!error.hidden) valid(); });
    const set = (chosen) => { for (const box of boxes) box.checked = chosen.includes(box.value); };
    return { node, control: boxes[0], value, set, fail, valid };
  }

  /** Checks all, so that every error shows, and goes to the first. */
  function allValid(fields) {
    const wrong = fields.filter((one) => !one.valid());
    wrong[0]?.control.focus();
    return wrong.length === 0;
  }

  const button = (label, onClick, props) => el('button', { type: 'button', class: 'button', ...props, on: { click: onClick } }, label);

  /** While something is under way a button stays where it is, says so, and does nothing again. */
  async function during(control, work) {
    if (control.getAttribute('aria-disabled') === 'true') return;
    control.setAttribute('aria-disabled', 'true');
    try {
      await work();
    } catch (error) {
      Status.say(() => say('failed', { why: sentence(error) }), 'bad');
    } finally {
      control.removeAttribute('aria-disabled');
    }
  }

  const sentence = (error) => {
    const text = (error instanceof Error && error.message ? error.message : String(error)).trim();
    return (document.documentElement.lang === 'de' && SENTENCES.get(text)) || text;
  };

  return { allValid, button, during, field, input, select, sentence, ticks, tongueSelect, wordSelect };
})();

// What just happened: read out, and shown for a while at the foot of the window, or in the dialog
// that is open, because nothing outside of it is read out then.
const Status = (() => {
  'use strict';
  const SHOWN_MS = 9000;
  const ICONS = { bad: 'cross', busy: 'clock' };
  let timer = 0;

  const region = () => document.querySelector('dialog[open] [role=status]') ?? document.getElementById('status');

  /** kind: good, bad, busy, or unseen when the page already shows it. */
  function say(text, kind = 'good') {
    const place = region();
    clearTimeout(timer);
    place.className = `toast shown ${kind}`;
    Dom.replace(place, [Dom.icon(ICONS[kind] ?? 'check'), Dom.el('span', null, text)]);
    timer = setTimeout(clear, SHOWN_MS);
  }

  function clear() {
    const place = region();
    place.className = 'toast';
    place.replaceChildren();
  }

  return { clear, say };
})();
