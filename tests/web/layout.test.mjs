// Every view at every width: nothing wider than the window, nothing too small to hit, no complaint.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from './browser.mjs';
import { VIEWS, openView } from './views.mjs';

const skip = process.env.BASE_URL ? 'the invented data are needed' : false;
const TARGET_PX = 24; // WCAG 2.2, 2.5.8
let browser;
before(async () => { browser = await start(); });
after(() => browser.stop());

/** How far the page is wider than the window, and what sticks out. */
const overflow = (page) => page.evaluate(() => {
  const wide = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('body *')].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && !element.closest('svg, .unseen, .skip') && (box.right > wide + 0.5 || box.left < -0.5);
  });
  return { by: document.documentElement.scrollWidth - wide, out: out.map((element) => `${element.localName}.${element.className} ${element.textContent.slice(0, 40)}`) };
});

const small = (page) => page.evaluate((least) => [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((element) => {
  const target = (element.type === 'checkbox' ? element.closest('label') : element).getBoundingClientRect();
  return target.width > 0 && (target.width < least || target.height < least) && !element.closest('.skip');
}).map((element) => element.outerHTML.slice(0, 120)), TARGET_PX);

for (const width of ['narrow', 'phone', 'desktop']) {
  test(`nothing sticks out of the window and everything can be hit (${width})`, { skip }, async () => {
    for (const language of ['de', 'en']) {
      for (const name of Object.keys(VIEWS)) {
        const page = await openView(browser, name, { width, language });
        assert.deepEqual(await overflow(page), { by: 0, out: [] }, `${name} ${language}`);
        assert.deepEqual(await small(page), [], `${name} ${language}`);
        assert.deepEqual([...page.complaints, ...await page.evaluate(() => window.violations)], [], `${name} ${language}`);
        await page.context().close();
      }
    }
  });
}

test('text of twice the size still fits (200 % zoom is half the window)', { skip }, async () => {
  for (const name of ['results', 'requests', 'practice-slots']) {
    const page = await openView(browser, name, { width: 'desktop' });
    await page.setViewportSize({ width: 640, height: 450 });
    assert.deepEqual(await overflow(page), { by: 0, out: [] }, name);
    await page.addStyleTag({ content: '' }).catch(() => {}); // refused by the policy, which is right
    await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
    await page.setViewportSize({ width: 1280, height: 900 });
    assert.deepEqual(await overflow(page), { by: 0, out: [] }, name);
    await page.context().close();
  }
});

test('text spacing as WCAG 1.4.12 asks for loses nothing', { skip }, async () => {
  const page = await openView(browser, 'results', { width: 'narrow' });
  await page.evaluate(() => {
    for (const element of document.querySelectorAll('body *')) Object.assign(element.style, { lineHeight: '1.5', letterSpacing: '.12em', wordSpacing: '.16em' });
  });
  assert.deepEqual(await overflow(page), { by: 0, out: [] });
});

test('the crisis numbers are in the window in every view, scrolled or not', { skip }, async () => {
  for (const name of Object.keys(VIEWS)) {
    const page = await openView(browser, name, { width: 'phone' });
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    for (const number of ['112', '116117', '08001110111']) {
      const link = page.locator(`a[href="tel:${number}"]`);
      const box = await link.boundingBox();
      assert.ok(box && box.y >= 0 && box.y + box.height <= 740, `${name} ${number}`);
    }
    await page.context().close();
  }
});

test('what has the focus is not under the crisis numbers', { skip }, async () => {
  const page = await openView(browser, 'results', { width: 'phone' });
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  const hidden = [];
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('Shift+Tab');
    const under = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element.closest('main')) return null;
      const box = element.getBoundingClientRect();
      return box.bottom <= document.getElementById('crisis').getBoundingClientRect().bottom ? element.outerHTML.slice(0, 80) : null;
    });
    if (under) hidden.push(under);
  }
  assert.deepEqual(hidden, []);
});

test('a colour is never the only difference: every state has words and a drawing', { skip }, async () => {
  const page = await openView(browser, 'requests');
  const badges = page.locator('.view-requests .request .badge');
  assert.ok(await badges.count() >= 5);
  for (const badge of await badges.all()) {
    assert.ok((await badge.innerText()).trim().length > 3);
    assert.equal(await badge.locator('svg').count(), 1);
  }
});
