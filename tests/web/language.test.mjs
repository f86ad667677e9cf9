// German first, English second; what was chosen stays; and the words that nobody shall see.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { start } from './browser.mjs';
import { SAYS, button, goTo, press, search } from './flows.mjs';
import { VIEWS, openView } from './views.mjs';

const skip = process.env.BASE_URL ? 'the invented data are needed' : false;
let browser;
before(async () => { browser = await start(); });
after(() => browser.stop());
const language = (page) => page.locator('html').getAttribute('lang');

test('the first visit follows the browser, and is German when that says neither', async () => {
  for (const [locale, expected] of [['de-AT', 'de'], ['en-US', 'en'], ['fr-FR', 'de'], ['tr-TR', 'de']]) {
    const page = await browser.open({ locale });
    assert.equal(await language(page), expected, locale);
    await page.context().close();
  }
});

test('the choice is remembered, and nothing typed is lost by it', async () => {
  const page = await browser.open();
  await page.getByLabel('Postleitzahl', { exact: true }).first().fill('80331');
  await press(page, button(page, 'English'), 'Space');
  assert.equal(await language(page), 'en');
  assert.equal(await page.title(), 'Search – Free appointments in psychotherapy');
  assert.equal(await button(page, 'English').getAttribute('aria-pressed'), 'true');
  assert.equal(await page.getByLabel('Postal code', { exact: true }).first().inputValue(), '80331');
  await page.reload();
  assert.equal(await language(page), 'en');
});

test('results, states and errors change language while they are shown', { skip }, async () => {
  const page = await browser.open();
  await search(page, SAYS.de, '80331');
  await button(page, 'English').click();
  assert.ok(await page.getByRole('heading', { name: '18 free appointments' }).isVisible());
  assert.ok(await page.getByText('Tuesday, 12 January 2027').first().isVisible());
  await page.getByLabel('Postal code', { exact: true }).first().fill('8x');
  await page.keyboard.press('Enter');
  await page.getByText('two to four are enough').waitFor();
  await button(page, 'Deutsch').click();
  assert.ok(await page.getByText('für eine Gegend genügen zwei bis vier').isVisible());
});

test('no view has German words left in English, nor the word that nobody shall see', { skip }, async () => {
  // Easy language is German, and marked as such.
  for (const name of Object.keys(VIEWS).filter((one) => one !== 'easy')) {
    const page = await openView(browser, name, { language: 'en' });
    const text = await page.locator('body').innerText();
    const german = text.split('\n').filter((line) => /\b(und|oder|nicht|Sie|Termine?|Praxis|Anfrage|keine?)\b/.test(line) && !/Systemisch, München|WebAssembly|A\. Beispiel/.test(line));
    assert.deepEqual(german, [], name);
    await page.context().close();
  }
  const sources = new URL('../../fapp/web/page/', import.meta.url);
  for (const file of readdirSync(sources).filter((name) => /\.(js|html)$/.test(name) && !['core.js', 'session.js', 'boot.js'].includes(name))) {
    assert.doesNotMatch(readFileSync(new URL(file, sources), 'utf8'), /mesh/i, file);
  }
});

test('the back button goes through the views, and the address keeps what it carries', { skip }, async () => {
  const page = await browser.open({ query: '?mode=own#token=00ff' });
  await goTo(page, SAYS.de.requests);
  await goTo(page, SAYS.de.practice);
  assert.match(page.url(), /#token=00ff$/);
  await page.goBack();
  await page.waitForFunction(() => !document.querySelector('.view-requests').hidden);
  assert.equal(await page.title(), 'Meine Anfragen – Freie Termine in der Psychotherapie');
});

test('what the page is made of stays small', () => {
  const sources = new URL('../../fapp/web/page/', import.meta.url);
  const bytes = readdirSync(sources).filter((name) => !['core.js', 'session.js', 'boot.js'].includes(name)).reduce((sum, name) => sum + readFileSync(new URL(name, sources)).length, 0);
  assert.ok(bytes <= 150 * 1024, `${bytes} B`);
});

test('no script of the page makes HTML out of text, and none is loaded', () => {
  const sources = new URL('../../fapp/web/page/', import.meta.url);
  for (const file of readdirSync(sources)) {
    const text = readFileSync(new URL(file, sources), 'utf8');
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bon(click|load|error)=|<script|@import|url\(/, file);
  }
});
