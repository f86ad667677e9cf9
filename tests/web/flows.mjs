// What people do with the page, by keyboard alone. The same flows run against the mock and against
// the page of a real daemon.
import assert from 'node:assert/strict';

/** Presses Tab until the element has the focus; fails when it cannot be reached that way. */
export async function tabTo(page, locator, most = 150) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    if (await focused(locator)) return;
  }
  assert.fail(`the keyboard does not reach ${locator}`);
}

export const focused = (locator) => locator.evaluate((element) => element === document.activeElement).catch(() => false);

export async function press(page, locator, key = 'Enter') {
  await tabTo(page, locator);
  await page.keyboard.press(key);
}

/** The words that the flows look for, by language. */
export const SAYS = {
  de: {
    plz: 'Postleitzahl', search: 'Termine suchen', found: /freier? Termine?$/, requests: /^Meine Anfragen/, alerts: /^Suchaufträge/, practice: /^Praxis/, ask: /^Termin anfragen:/, send: 'Anfrage senden',
    notBooked: 'Angefragt, nicht gebucht', saveAlert: 'Als Suchauftrag merken', create: 'Anlegen', remove: /^Suchauftrag .* löschen$/, withdraw: /^Anfrage zurückziehen/, payer: 'Wer bezahlt', accept: /^Zusagen:/,
    slots: 'Termine', profile: 'Profil & Prüfung', safety: 'Datenschutz & Sicherheit', easy: 'Leichte Sprache', more: /Weitere Filter/, contact: /Wie erreicht die Praxis Sie/,
  },
  en: {
    plz: 'Postal code', search: 'Find appointments', found: /free appointments?$/, requests: /^My requests/, alerts: /^Alerts/, practice: /^Practice/, ask: /^Request appointment:/, send: 'Send request',
    notBooked: 'Requested, not booked', saveAlert: 'Save as alert', create: 'Create', remove: /^Delete alert/, withdraw: /^Withdraw request/, payer: 'Who pays', accept: /^Accept:/,
    slots: 'Appointments', profile: 'Profile & verification', safety: 'Privacy & safety', easy: 'Leichte Sprache (German)', more: /More filters/, contact: /How can the practice reach you/,
  },
};

export const button = (page, name) => page.getByRole('button', { name, exact: typeof name === 'string' });

/** Types a postal code and searches; the focus is on the heading of the results afterwards. */
export async function search(page, say, plz) {
  const field = page.getByLabel(say.plz, { exact: true }).first();
  await tabTo(page, field);
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(plz);
  await page.keyboard.press('Enter');
  const heading = page.getByRole('heading', { level: 3, name: say.found });
  await heading.waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'results');
  return heading;
}

/** Asks for the first appointment of the list. */
export async function reserve(page, say, contact) {
  await press(page, button(page, say.ask).first());
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  const field = dialog.getByLabel(say.contact);
  if (!await focused(field)) await tabTo(page, field, 5);
  if (contact) await page.keyboard.type(contact);
  await press(page, dialog.getByRole('button', { name: say.send }));
  await dialog.waitFor({ state: 'detached' });
}

/** Goes to a view by its button at the top; the focus is on its heading afterwards. */
export async function goTo(page, name) {
  await page.evaluate(() => document.activeElement?.blur());
  await press(page, button(page, name).first());
  await page.waitForFunction(() => document.activeElement?.matches('main h2'));
}
