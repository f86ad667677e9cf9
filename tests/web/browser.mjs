// A real Chromium and a page in it, watched: what breaks the policy, leaves this origin, or is an
// error in the console ends up in `page.complaints`.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { serve } from '../../fapp/web/mock/serve.mjs';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/** The mock's data are relative to now; snapshots need one that stays. A Monday morning. */
export const NOW = new Date('2027-01-11T07:00:00Z');
export const WIDTHS = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 }, narrow: { width: 320, height: 640 } };

/** The program to drive: of the environment, or where Debian has it. */
export const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

/**
 * Opens the browser once for a file of tests. With BASE_URL the page of a real daemon is driven:
 * `mock` is then false, and tests of what only the mock can produce are skipped.
 */
export async function start() {
  const mock = process.env.BASE_URL ? null : await serve();
  const home = await mkdtemp(join(tmpdir(), 'web-page-'));
  const browser = await chromium.launchPersistentContext(home, { executablePath: CHROMIUM, args: FLAGS, locale: 'de-DE', timezoneId: 'Europe/Berlin', env: { ...process.env, LANGUAGE: 'de' } });
  const base = process.env.BASE_URL ?? mock.url;

  async function open({ url, query = '', width = 'desktop', scheme = 'light', locale = 'de-DE', clock = !process.env.BASE_URL, seed } = {}) {
    const context = await browser.browser().newContext({ locale, timezoneId: 'Europe/Berlin', viewport: WIDTHS[width], colorScheme: scheme, reducedMotion: 'reduce', acceptDownloads: true });
    const page = await context.newPage();
    page.complaints = [];
    const { origin } = new URL(url ?? base);
    page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.complaints.push(`console: ${message.text()}`); });
    page.on('pageerror', (error) => page.complaints.push(`exception: ${error.message}`));
    page.on('request', (request) => { if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('blob:')) page.complaints.push(`request: ${request.url()}`); });
    await page.addInitScript(() => {
      window.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
    });
    if (clock) await page.clock.setFixedTime(NOW);
    if (seed) await page.addInitScript(seed);
    await page.goto(url ?? new URL(query, base).href);
    return page;
  }

  async function stop() {
    await browser.close();
    mock?.close();
    await rm(home, { recursive: true, force: true });
  }

  return { base, mock: Boolean(mock), open, stop };
}
