// Elements, and texts that follow the language. Everything a person or a practice wrote goes
// through text nodes; nothing is ever parsed as HTML.
const Dom = (() => {
  'use strict';

  /** Node → what to do again when the language changes. */
  const updaters = new WeakMap();
  const SVG = 'http://www.w3.org/2000/svg';
  let serial = 0;

  function follow(node, update) {
    update();
    updaters.set(node, [...(updaters.get(node) ?? []), update]);
  }

  function attribute(node, name, value) {
    if (value === null || value === undefined || value === false) return node.removeAttribute(name);
    return node.setAttribute(name, value === true ? '' : String(value));
  }

  function append(node, children) {
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === false) continue;
      if (typeof child === 'function') {
        const text = document.createTextNode('');
        follow(text, () => { text.data = child(); });
        node.append(text);
      } else {
        node.append(child);
      }
    }
    return node;
  }

  function fill(node, props, children) {
    for (const [name, value] of Object.entries(props ?? {})) {
      if (name === 'on') {
        for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
      } else if (typeof value === 'function') {
        follow(node, () => attribute(node, name, value()));
      } else {
        attribute(node, name, value);
      }
    }
    return append(node, children);
  }

  /** An element. A function as an attribute or a child is a text that follows the language. */
  const el = (tag, props, ...children) => fill(document.createElement(tag), props, children);
  const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

  /** An id that nothing else on the page has. */
  const fresh = (stem) => `${stem}-${serial += 1}`;

  /** All texts of the page again, in the language of now. */
  function retranslate() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
      for (const update of updaters.get(node) ?? []) update();
    }
  }

  /**
   * Puts new children into a container. Whoever had the focus in the old ones has it in the new one
   * with the same `data-key`, or on the fallback: it must not fall back to the top of the page.
   */
  function replace(container, children, fallback) {
    const held = container.contains(document.activeElement) ? document.activeElement : null;
    const key = held?.closest('[data-key]')?.dataset.key;
    container.replaceChildren();
    append(container, [children]);
    if (!held || held === container) return;
    const again = key && container.querySelector(`[data-key="${CSS.escape(key)}"]`);
    (again || fallback || container).focus();
  }

  /** The heading of the view that is shown: where the focus goes when its place is gone. */
  const head = () => document.querySelector('.view:not([hidden]) > h2');

  /** A drawing of 24 by 24 beside a text that says the same. */
  function icon(name) {
    return svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' },
      ICONS[name].map((d) => svg('path', { d })));
  }

  const ICONS = {
    check: ['M5 12.5l4.5 4.5L19 7.5'],
    cross: ['M6 6l12 12M18 6L6 18'],
    ring: ['M12 5.5a6.5 6.5 0 100 13 6.5 6.5 0 000-13z'],
    clock: ['M12 3a9 9 0 100 18 9 9 0 000-18z', 'M12 7.5V12l3 2'],
    open: ['M12 3a9 9 0 100 18 9 9 0 000-18z', 'M9.6 9.4a2.5 2.5 0 114 2c-.9.6-1.6 1.1-1.6 2.1', 'M12 17v.01'],
    shield: ['M12 3l7 3v5.5c0 4.5-3 7.6-7 9.5-4-1.9-7-5-7-9.5V6z'],
    shieldcheck: ['M12 3l7 3v5.5c0 4.5-3 7.6-7 9.5-4-1.9-7-5-7-9.5V6z', 'M8.5 12l2.5 2.5 4.5-5'],
    globe: ['M12 3a9 9 0 100 18 9 9 0 000-18z', 'M3 12h18', 'M12 3c5 5 5 13 0 18-5-5-5-13 0-18z'],
    people: ['M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7z', 'M2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6', 'M16 4.5a3.5 3.5 0 010 6.3', 'M18 14.5c2.3.8 3.5 2.7 3.5 5.5'],
    bell: ['M6 16V11a6 6 0 0112 0v5l1.5 2h-15z', 'M10 21h4'],
    pin: ['M12 21c-4.5-5-7-8-7-11a7 7 0 0114 0c0 3-2.5 6-7 11z', 'M12 7.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5z'],
    phone: ['M6 3h3.5l1.5 5-2.5 1.5a12 12 0 006 6l1.5-2.5 5 1.5V18a3 3 0 01-3 3C10 21 3 14 3 6a3 3 0 013-3z'],
    calendar: ['M4 6h16v14H4z', 'M4 10h16', 'M8 3v4M16 3v4'],
  };

  return { append, el, follow, fresh, head, icon, replace, retranslate, svg };
})();
