// Every view of the page, by name: how to come there with a fresh page. For what is checked of each.
import { SAYS, button, goTo, search } from './flows.mjs';

const OWN = '?mode=own';
const practicePart = (part) => async (page, say) => {
  await goTo(page, say.practice);
  if (part) await button(page, say[part]).click();
};

export const VIEWS = {
  start: { go: async () => {} },
  results: { go: (page, say) => search(page, say, '80331') },
  filters: { go: async (page, say) => { await page.getByText(say.more).click(); await page.getByText(/Was „geprüft“|What “verified”/).click(); } },
  wrong: { go: async (page, say) => { await page.getByLabel(say.plz, { exact: true }).fill('8x'); await button(page, say.search).click(); } },
  asking: { go: async (page, say) => { await search(page, say, '80331'); await button(page, say.ask).first().click(); } },
  requests: { go: (page, say) => goTo(page, say.requests) },
  alerts: { go: (page, say) => goTo(page, say.alerts) },
  safety: { go: (page, say) => button(page, say.safety).click() },
  easy: { go: (page, say) => button(page, say.easy).click() },
  offline: { go: async () => {}, query: '?offline' },
  broken: { go: async () => {}, query: '?broken' },
  disk: { go: (page) => page.getByRole('dialog').waitFor(), query: '?origin=disk' },
  'practice-requests': { go: practicePart(), query: OWN },
  'practice-slots': { go: practicePart('slots'), query: OWN },
  'practice-profile': { go: practicePart('profile'), query: OWN },
  'practice-new': { go: practicePart('slots'), query: '?mode=own&empty' },
};

/** Opens a view and waits until what it says of itself is over. */
export async function openView(browser, name, { language = 'de', ...options } = {}) {
  const { go, query } = VIEWS[name];
  const page = await browser.open({ query, locale: language === 'en' ? 'en-GB' : 'de-DE', ...options });
  await page.waitForFunction(() => !document.getElementById('starting') || document.querySelector('dialog'));
  await go(page, SAYS[language]);
  return page;
}
