// Pictures of the page for the documents: UPDATE_SCREENS=1 writes them to fapp/web/screens/.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { start } from './browser.mjs';
import { openView } from './views.mjs';

const skip = process.env.UPDATE_SCREENS ? false : 'UPDATE_SCREENS=1 writes the pictures';
const BYTES_MAX = 150 * 1024;
const SCREENS = [['results', 'desktop', 'light', 'de'], ['results', 'phone', 'light', 'de'], ['requests', 'phone', 'dark', 'de'], ['practice-requests', 'desktop', 'light', 'de'], ['practice-slots', 'desktop', 'dark', 'en'], ['safety', 'phone', 'light', 'en']];
const folder = new URL('../../fapp/web/screens/', import.meta.url);
let browser;
before(async () => { browser = await start(); });
after(() => browser.stop());

for (const [name, width, scheme, language] of SCREENS) {
  test(`the picture of ${name}, ${width}, ${scheme}, ${language}`, { skip }, async () => {
    const page = await openView(browser, name, { width, scheme, language });
    await page.mouse.move(0, 0);
    if (name === 'results') await page.evaluate((desktop) => document.querySelector(desktop ? '.results' : '.results-head').scrollIntoView(), width === 'desktop');
    const picture = await page.screenshot();
    assert.ok(picture.length <= BYTES_MAX, `${picture.length} B`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL(`${name}-${width}-${scheme}-${language}.png`, folder), picture);
    await page.context().close();
  });
}
