// Searching, asking, and what becomes of it: by keyboard alone, in both languages.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { start } from './browser.mjs';
import { SAYS, button, focused, goTo, press, reserve, search, tabTo } from './flows.mjs';

const PLZ = process.env.TEST_PLZ ?? '80331';
let browser;
before(async () => { browser = await start(); });
after(() => browser.stop());
const calm = async (page) => assert.deepEqual([...page.complaints, ...await page.evaluate(() => window.violations)], []);
const onMock = () => ({ skip: !process.env.BASE_URL ? false : 'the invented data are needed' });

for (const language of ['de', 'en']) {
  const say = SAYS[language];
  const locale = language === 'en' ? 'en-GB' : 'de-DE';

  test(`somebody searches, asks and withdraws with the keyboard (${language})`, async () => {
    const page = await browser.open({ locale });
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    await search(page, say, PLZ);
    const before = await button(page, say.requests).innerText();
    await reserve(page, say, 'K. Muster, 0123 456');
    assert.match(await page.getByRole('status').innerText(), language === 'de' ? /noch keine Buchung/ : /not a booking yet/);
    assert.notEqual(await button(page, say.requests).innerText(), before, 'the number of open requests is told');
    assert.ok(!await focused(page.locator('body')), 'the focus does not get lost when the dialog closes');

    await goTo(page, say.requests);
    assert.ok(await page.getByText(say.notBooked).first().isVisible());
    const withdraw = button(page, say.withdraw);
    const count = await withdraw.count();
    await press(page, withdraw.first());
    await page.waitForFunction(([n]) => document.querySelectorAll('.is-requested').length < n, [count]);
    assert.ok(!await focused(page.locator('body')), 'the focus stays in the list');
    await calm(page);
  });

  test(`an alert is made of a search and deleted (${language})`, async () => {
    const page = await browser.open({ locale });
    await search(page, say, PLZ);
    await press(page, button(page, say.saveAlert));
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill('');
    await press(page, dialog.getByRole('button', { name: say.create }));
    assert.equal(await dialog.getByRole('textbox').getAttribute('aria-invalid'), 'true', 'an alert needs a name');
    await page.keyboard.type('Mein Auftrag');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await goTo(page, say.alerts);
    const remove = button(page, say.remove).filter({ has: page.locator('xpath=self::*[contains(@aria-label, "Mein Auftrag")]') });
    await press(page, remove);
    await remove.waitFor({ state: 'detached' });
    await calm(page);
  });
}

test('Escape closes the dialog and the focus goes back to what opened it', async () => {
  const page = await browser.open();
  await search(page, SAYS.de, PLZ);
  const ask = button(page, SAYS.de.ask).first();
  await press(page, ask);
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.ok(await focused(ask));
});

test('the focus cannot leave an open dialog', async () => {
  const page = await browser.open();
  await search(page, SAYS.de, PLZ);
  await press(page, button(page, SAYS.de.ask).first());
  for (let i = 0; i < 8; i += 1) {
    await page.keyboard.press('Tab');
    const where = await page.evaluate(() => document.activeElement.closest('dialog, main, header, footer')?.localName ?? 'browser');
    assert.ok(['dialog', 'browser'].includes(where), where);
  }
});

test('a wrong postal code is told at the field, which gets the focus', async () => {
  const page = await browser.open();
  const field = page.getByLabel('Postleitzahl', { exact: true }).first();
  for (const [typed, told] of [['', /geben Sie eine Postleitzahl ein/], ['8x', /fünf Ziffern/], ['１２', /fünf Ziffern/], ['99999', /99999/]]) {
    await field.fill(typed);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-invalid') === 'true');
    const describedBy = (await field.getAttribute('aria-describedby')).split(' ');
    const told_at = await page.locator(`#${describedBy[0]}`).innerText();
    assert.match(told_at, told);
    assert.ok(await focused(field));
  }
  await field.fill(PLZ);
  assert.equal(await field.getAttribute('aria-invalid'), null);
  await calm(page);
});

test('an end before the start opens the further filters and is told there', async () => {
  const page = await browser.open();
  await page.getByLabel('Postleitzahl', { exact: true }).first().fill(PLZ);
  await page.locator('input[type=date]').nth(0).evaluate((input) => { input.value = '2027-02-10'; });
  await page.locator('input[type=date]').nth(1).evaluate((input) => { input.value = '2027-02-01'; });
  await press(page, button(page, SAYS.de.search));
  await page.getByText('Das Ende liegt vor dem Anfang').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true');
});

test('filters narrow the list at once, and a select works with the arrow keys', onMock(), async () => {
  const page = await browser.open();
  await search(page, SAYS.de, '80331');
  const all = await page.locator('.results .slot').count();
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(page, page.getByLabel(SAYS.de.payer).first());
  for (let i = 0; i < 2; i += 1) await page.keyboard.press('ArrowDown');
  await page.waitForFunction((n) => document.querySelectorAll('.results .slot').length < n, all);
  const titles = await page.locator('.results .slot').allInnerTexts();
  assert.ok(titles.length > 0 && titles.every((text) => text.includes('Private Krankenversicherung')));
  assert.ok(await focused(page.getByLabel(SAYS.de.payer).first()), 'the focus stays at the filter');
  assert.match(await page.getByRole('status').innerText(), /freie Termine/);
});

test('every place on the map is in the choice of places, and both do the same', onMock(), async () => {
  const page = await browser.open();
  await search(page, SAYS.de, '80331');
  const choice = page.getByLabel('Ort', { exact: true });
  const options = await choice.locator('option').allInnerTexts();
  const onMap = (await page.locator('.map .place text').allTextContents()).reduce((sum, count) => sum + Number(count), 0);
  assert.equal(onMap, await page.locator('.results .slot').count());
  assert.ok(options.length > 3);
  await tabTo(page, choice);
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.querySelectorAll('.map .chosen').length === 1);
  const byChoice = await page.locator('.results .slot').count();
  assert.ok(await focused(page.getByLabel('Ort', { exact: true })));
  await page.locator('.map .chosen').click();
  await page.waitForFunction(() => document.querySelectorAll('.map .chosen').length === 0);
  await page.waitForFunction((n) => document.querySelectorAll('.results .slot').length > n, byChoice);
  // Markers that would cover each other are one, which comes apart when it is clicked.
  const markers = await page.locator('.map .place').count();
  await page.locator('.map .place').last().click();
  await page.waitForFunction((n) => document.querySelectorAll('.map .place').length !== n, markers);
});

test('digits instead of a whole postal code search an area, without distances', onMock(), async () => {
  const page = await browser.open();
  await search(page, SAYS.de, '10');
  const cards = await page.locator('.results .slot').allInnerTexts();
  assert.ok(cards.length > 0 && cards.every((text) => !/\d km/.test(text) && /\b10\d{3}\b/.test(text)));
});

test('what cannot be loaded is told, and what is here is shown', onMock(), async () => {
  const page = await browser.open({ query: '?offline' });
  assert.ok(await page.getByText('Der Knoten ist nicht erreichbar').isVisible());
  await search(page, SAYS.de, '80331');
  await page.getByText('konnten nicht geladen werden: Der Knoten antwortet nicht.').waitFor();
  assert.ok(await page.locator('.results .slot').count() > 0);
});

test('a confirmation is told wherever one is, and its calendar file can be saved', onMock(), async () => {
  const page = await browser.open();
  await page.evaluate(() => window.mock.answer({ state: 'confirmed' }));
  assert.match(await page.getByRole('status').innerText(), /Zugesagt, für Sie gebucht/);
  await goTo(page, SAYS.de.requests);
  const download = page.waitForEvent('download');
  await press(page, button(page, /^In den Kalender/).first());
  const file = await download;
  assert.match(file.suggestedFilename(), /^termin-\d{4}-\d\d-\d\d\.ics$/);
  assert.match(await readFile(await file.path(), 'utf8'), /^BEGIN:VCALENDAR\r\n/);
  await calm(page);
});

test('after a decline the suggested appointment can be asked for', onMock(), async () => {
  const page = await browser.open();
  await goTo(page, SAYS.de.requests);
  const before = await page.locator('.is-requested').count();
  await press(page, page.locator('.is-declined').getByRole('button', { name: SAYS.de.ask }));
  await press(page, page.getByRole('dialog').getByRole('button', { name: SAYS.de.send }));
  await page.waitForFunction((n) => document.querySelectorAll('.is-requested').length > n, before);
});

test('cancelling a booked appointment asks first', onMock(), async () => {
  const page = await browser.open();
  await goTo(page, SAYS.de.requests);
  const cancel = button(page, /^Termin absagen/);
  await press(page, cancel);
  await press(page, button(page, 'Behalten'));
  assert.equal(await page.locator('.is-confirmed').count(), 1);
  assert.ok(await focused(cancel));
  await page.keyboard.press('Enter');
  await press(page, page.getByRole('dialog').getByRole('button', { name: 'Termin absagen' }));
  await page.waitForFunction(() => document.querySelectorAll('.is-confirmed').length === 0);
});

test('a contact text that is too long or has several lines', onMock(), async () => {
  const page = await browser.open();
  await search(page, SAYS.de, '80331');
  await press(page, button(page, SAYS.de.ask).first());
  const dialog = page.getByRole('dialog');
  const field = dialog.getByRole('textbox');
  await field.fill('ä'.repeat(201));
  await press(page, dialog.getByRole('button', { name: SAYS.de.send }));
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.ok(await focused(field));
  await field.fill(`Zeile\nZeile ${'ä'.repeat(150)}`);
  await press(page, dialog.getByRole('button', { name: SAYS.de.send }));
  await dialog.waitFor({ state: 'detached' });
});

test('a visitor can delete everything, and is asked first', onMock(), async () => {
  const page = await browser.open();
  await button(page, 'English').click();
  await button(page, SAYS.en.safety).click();
  await press(page, button(page, /^Delete everything here/));
  await press(page, page.getByRole('dialog').getByRole('button', { name: 'Delete everything' }));
  await page.getByText('All deleted').waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await goTo(page, SAYS.en.requests);
  assert.ok(await page.getByText('You have not requested anything yet.').isVisible());
});

test('the file from disk asks for a node until it has one', onMock(), async () => {
  const page = await browser.open({ query: '?origin=disk' });
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await dialog.waitFor();
  const field = dialog.getByRole('textbox');
  for (const wrong of ['', 'not an address', 'javascript:alert(1)', '10.0.0.1:port']) {
    await field.fill(wrong);
    await page.keyboard.press('Enter');
    assert.equal(await field.getAttribute('aria-invalid'), 'true', wrong);
  }
  await field.fill('[fd00::1]:8464');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('Knoten [fd00::1]:8464').waitFor();
});
