// What a screen reader is given: the accessibility tree of every view, compared with the committed
// one in trees/. UPDATE_TREES=1 writes them anew, to be read before they are committed.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { start } from './browser.mjs';
import { VIEWS, openView } from './views.mjs';

const skip = process.env.BASE_URL ? 'the invented data are needed' : false;
const trees = new URL('trees/', import.meta.url);
let browser;
before(async () => { browser = await start(); });
after(() => browser.stop());

for (const language of ['de', 'en']) {
  for (const name of Object.keys(VIEWS)) {
    test(`the tree of ${name} (${language})`, { skip }, async () => {
      const page = await openView(browser, name, { language });
      const tree = `${await page.locator('body').ariaSnapshot()}\n`;
      await page.context().close();
      const file = new URL(`${name}.${language}.txt`, trees);
      if (process.env.UPDATE_TREES) {
        mkdirSync(trees, { recursive: true });
        writeFileSync(file, tree);
      }
      assert.equal(tree, readFileSync(file, 'utf8'));
    });
  }
}

test('one h1, landmarks once each, headings without gaps, in every view', { skip }, async () => {
  for (const name of Object.keys(VIEWS)) {
    const page = await openView(browser, name);
    const found = await page.evaluate(() => ({
      levels: [...document.querySelectorAll('h1, h2, h3, h4, h5')].filter((heading) => heading.checkVisibility() && !heading.closest('dialog')).map((heading) => Number(heading.localName[1])),
      marks: ['main', 'body > header', 'body > footer', 'aside'].map((mark) => document.querySelectorAll(mark).length),
      twice: [...document.querySelectorAll('[id]')].map((element) => element.id).filter((id, i, ids) => ids.indexOf(id) !== i),
    }));
    assert.equal(found.levels.filter((level) => level === 1).length, 1, name);
    assert.ok(found.levels.every((level, i) => i === 0 || level <= found.levels[i - 1] + 1), `${name}: ${found.levels}`);
    assert.deepEqual(found.marks, [1, 1, 1, 1], name);
    assert.deepEqual(found.twice, [], name);
    await page.context().close();
  }
});
