// The practice's side: by keyboard alone, in both languages.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from './browser.mjs';
import { SAYS, button, focused, goTo, press, search, tabTo } from './flows.mjs';

// These tests begin with requests and appointments that the mock invents.
const skip = process.env.BASE_URL ? 'the invented data are needed' : false;
const OWN = '?mode=own';
let browser;
before(async () => { browser = await start(); });
after(() => browser.stop());
const calm = async (page) => assert.deepEqual([...page.complaints, ...await page.evaluate(() => window.violations)], []);

async function open(part, language = 'de', query = OWN) {
  const page = await browser.open({ query, locale: language === 'en' ? 'en-GB' : 'de-DE' });
  await goTo(page, SAYS[language].practice);
  if (part) await press(page, button(page, SAYS[language][part]), 'Space');
  return page;
}

for (const language of ['de', 'en']) {
  test(`a request is accepted, and only then its contact is shown (${language})`, { skip }, async () => {
    const page = await open(null, language);
    const waiting = page.locator('.view-practice .is-requested');
    assert.equal(await waiting.count(), 1);
    assert.equal(await waiting.locator('.contact').count(), 0);
    await press(page, button(page, SAYS[language].accept));
    await waiting.waitFor({ state: 'detached' });
    assert.equal(await page.locator('.view-practice .is-confirmed .contact').count(), 2);
    assert.ok(!await focused(page.locator('body')));
    await calm(page);
  });
}

test('a request is declined', { skip }, async () => {
  const page = await open();
  await press(page, button(page, /^Ablehnen:/));
  await page.locator('.view-practice .is-declined').waitFor();
  assert.equal(await button(page, SAYS.de.practice).locator('.count').isVisible(), false, 'nothing waits any more');
});

test('a single appointment is published; a past one is refused', { skip }, async () => {
  const page = await open('slots');
  const form = page.locator('form', { has: button(page, 'Veröffentlichen') });
  const before = await page.locator('.day .row').count();
  await press(page, form.getByRole('button', { name: 'Veröffentlichen' }));
  assert.ok(await focused(form.getByLabel('Datum')), 'what is missing gets the focus');
  await form.getByLabel('Datum').fill('2020-01-01');
  await form.getByLabel('Uhrzeit').fill('09:00');
  await page.keyboard.press('Enter');
  await form.getByText('Dieser Zeitpunkt ist schon vorbei.').waitFor();
  await form.getByLabel('Datum').fill('2027-03-28');
  await form.getByLabel('Uhrzeit').fill('02:30');
  await page.keyboard.press('Enter');
  await form.getByText('die es an diesem Tag gibt').waitFor();
  await form.getByLabel('Datum').fill('2027-07-06');
  await form.getByLabel('Uhrzeit').fill('16:00');
  await page.keyboard.press('Enter');
  await page.waitForFunction((n) => document.querySelectorAll('.day .row').length > n, before);
  assert.ok(await page.getByText('Dienstag, 6. Juli 2027').isVisible());
  assert.ok(await page.locator('.view-practice .row').getByText('16:00–16:50').isVisible(), 'German summer time');
  await calm(page);
});

test('a weekly pattern becomes the text that the core reads', { skip }, async () => {
  const page = await open('slots');
  const form = page.locator('form', { has: button(page, 'Muster hinzufügen') });
  await press(page, form.getByRole('button', { name: 'Muster hinzufügen' }));
  await form.getByText('mindestens einen Wochentag').waitFor();
  for (const day of ['Montag', 'Mittwoch']) {
    await tabTo(page, form.getByLabel(day));
    await page.keyboard.press('Space');
  }
  await form.getByLabel('Von').fill('08:00');
  await form.getByLabel('Bis', { exact: true }).fill('08:30');
  await form.getByLabel(/^Gilt ab/).fill('2027-01-04');
  await form.getByLabel(/^Gilt bis/).fill('2027-07-30');
  await form.getByLabel(/^Außer an/).fill('6.5.2027, 31.2.2027');
  await page.keyboard.press('Enter');
  await form.getByText('mit Platz für einen Termin').waitFor();
  await form.getByText('Bitte schreiben Sie Tage wie').waitFor();
  await form.getByLabel('Bis', { exact: true }).fill('12:00');
  await form.getByLabel(/^Außer an/).fill('6.5.2027, 2027-05-27');
  await page.keyboard.press('Enter');
  await page.locator('.rows code', { hasText: 'Mo,Mi 08:00-12:00/50m+10m ab 2027-01-04 bis 2027-07-30 außer 2027-05-06,2027-05-27' }).waitFor();
  await press(page, button(page, /^Muster entfernen: Mo,Mi/));
  await page.waitForFunction(() => document.querySelectorAll('.rows code').length === 1);
  await calm(page);
});

test('a calendar file is imported, and what was found is told', { skip }, async () => {
  const page = await open('slots');
  await page.locator('input[type=file]').setInputFiles({ name: 'k.ics', mimeType: 'text/calendar', buffer: Buffer.from('BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:geheim\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n') });
  await press(page, button(page, 'Importieren'));
  await page.getByText('1 belegte Zeiten übernommen').waitFor();
  assert.ok(await page.getByText('35 belegte Zeiten gespeichert.').isVisible());
  assert.equal(await page.getByText('geheim').count(), 0);
});

test('a pause is entered and removed', { skip }, async () => {
  const page = await open('slots');
  const form = page.locator('form', { has: button(page, 'Pause eintragen') });
  await form.getByLabel('Erster Tag').fill('2027-04-05');
  await form.getByLabel('Letzter Tag').fill('2027-04-01');
  await page.keyboard.press('Enter');
  await form.getByText('Das Ende liegt vor dem Anfang').waitFor();
  await form.getByLabel('Letzter Tag').fill('2027-04-09');
  await page.keyboard.press('Enter');
  const remove = button(page, /^Pause entfernen: Mo\., 5\. Apr\. bis Fr\., 9\. Apr\./);
  await press(page, remove);
  await remove.waitFor({ state: 'detached' });
});

test('one appointment is withdrawn at once, all only after a question', { skip }, async () => {
  const page = await open('slots');
  await press(page, button(page, /^Termin zurückziehen:/).first());
  await page.waitForFunction(() => document.querySelectorAll('.day .row').length === 3);
  await press(page, button(page, /^Alle zurückziehen/));
  await press(page, page.getByRole('dialog').getByRole('button', { name: 'Alle zurückziehen' }));
  await page.waitForFunction(() => document.querySelectorAll('.day .row').length === 1);
  assert.ok(await page.getByText('vergeben').isVisible(), 'what was accepted stays');
});

test('a new practice is led to its profile, and publishes it', { skip }, async () => {
  const page = await open(null, 'de', '?mode=own&empty');
  await press(page, button(page, 'Zum Profil').first());
  const plz = page.locator('.view-practice').getByLabel('Postleitzahl');
  assert.ok(await focused(plz));
  await page.keyboard.press('Enter');
  assert.equal(await page.getByText('Bitte wählen Sie mindestens eines.').count(), 3);
  await plz.fill('80331');
  for (const word of ['Verhaltenstherapie', 'Gesetzliche Krankenkasse', 'Video']) await page.locator('.view-practice').getByLabel(word, { exact: true }).press('Space');
  await press(page, button(page, 'Profil speichern'));
  await page.getByText('Profil gespeichert.').waitFor();
  assert.match(await page.locator('textarea.code').inputValue(), /"fapp": 1[^]*"expires": "2028-01-11"/);
  await calm(page);
});

test('a visitor has no practice', { skip }, async () => {
  const page = await browser.open();
  await search(page, SAYS.de, '80331');
  assert.equal(await button(page, SAYS.de.practice).count(), 0);
});
