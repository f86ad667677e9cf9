// The page of real daemons in a real browser: a practice publishes with the keyboard on its own page, a patient searches
// and asks through a different node, the practice accepts, and the patient's page says so. All that the patient's
// browser told that node is looked at.
//
// It takes the programs: QPC_BIN_DIR names their folder.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { start } from './browser.mjs';
import { SAYS, button, goTo, press, reserve, search, tabTo } from './flows.mjs';

const BIN = process.env.QPC_BIN_DIR;
const skip = BIN ? false : 'QPC_BIN_DIR names no programs';
const run = promisify(execFile);
const nodes = [];
let home;
let browser;

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function node(name, flags, peers = []) {
  const dir = join(home, name);
  const socket = `${dir}.s`;
  const config = `${dir}.toml`;
  await writeFile(config, `[tcp]\npeers = ${JSON.stringify(peers)}\n`);
  const listen = `127.0.0.1:${await freePort()}`;
  const child = spawn(join(BIN, 'qpcd'), ['--config', config, '--data-dir', dir, '--socket', socket, '--tcp-listen', listen, '--no-mdns', '--no-multicast', '--no-iroh', ...flags], { stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env.PATH, HOME: home, QPC_API_BUS: 'off' } });
  await new Promise((done, fail) => {
    child.stdout.once('data', done);
    child.once('exit', () => fail(new Error(`${name} does not start`)));
  });
  const qpc = async (...words) => JSON.parse((await run(join(BIN, 'qpc'), ['--socket', socket, '--json', ...words], { env: { PATH: process.env.PATH, HOME: home } })).stdout);
  const one = { child, qpc, uri: `tcp://${listen}` };
  nodes.push(one);
  return one;
}

const eventually = async (what, look, seconds = 90) => {
  for (let i = 0; i < seconds * 2; i += 1) {
    if (await look()) return;
    await new Promise((done) => setTimeout(done, 500));
  }
  assert.fail(`${what} did not happen within ${seconds} s`);
};

before(async () => {
  if (skip) return;
  home = await mkdtemp(join(tmpdir(), 'web-nodes-'));
  browser = await start();
});
after(async () => {
  await browser?.stop();
  for (const { child } of nodes) child.kill();
  if (home) await rm(home, { recursive: true, force: true });
});

const calm = async (page) => assert.deepEqual([...page.complaints, ...await page.evaluate(() => window.violations)], []);

for (const language of ['de', 'en']) {
  test(`a practice and a patient, through different nodes (${language})`, { skip, timeout: 420_000 }, async () => {
    const say = SAYS[language];
    const locale = language === 'en' ? 'en-GB' : 'de-DE';
    const port = await freePort();
    const relay = await node(`relay-${language}`, []);
    const practice = await node(`praxis-${language}`, [], [relay.uri]);
    // On every address of the machine: for visitors, not for its owner.
    await node(`knoten-${language}`, ['--web-listen', `0.0.0.0:${port}`], [relay.uri]);

    const { url } = await practice.qpc('web');
    const own = await browser.open({ url, locale, clock: false });
    await goTo(own, say.practice);
    assert.ok(!own.url().includes('token'), 'the token leaves the address');
    await practice.qpc('fapp', 'publish', '--plz', '80331', '--fachrichtung', 'VT', '--modalitaet', 'Praxis,Video', '--kostentraeger', 'GKV');
    await press(own, button(own, say.slots), 'Space');
    const form = own.locator('form', { has: own.getByLabel(language === 'de' ? 'Datum' : 'Date', { exact: true }) });
    const day = new Date(Date.now() + 8 * 86_400_000).toISOString().slice(0, 10);
    await form.getByLabel(language === 'de' ? 'Datum' : 'Date', { exact: true }).fill(day);
    await form.getByLabel(language === 'de' ? 'Uhrzeit' : 'Time', { exact: true }).fill('09:00');
    await own.keyboard.press('Enter');
    await own.waitForFunction(() => document.querySelectorAll('.day .row').length === 1);

    const visitor = await browser.open({ url: `http://127.0.0.1:${port}/`, locale, width: 'phone', clock: false });
    const told = [];
    visitor.on('request', (request) => told.push([request.method(), new URL(request.url()).pathname, request.postDataBuffer()]));
    await eventually('the appointment is found', async () => {
      await search(visitor, say, '80799');
      return (await button(visitor, say.ask).count()) > 0;
    });
    await reserve(visitor, say, 'Kim Beispiel, 0151 5550100');
    await goTo(visitor, say.requests);
    assert.ok(await visitor.getByText(say.notBooked).first().isVisible());

    await press(own, button(own, language === 'de' ? 'Anfragen' : 'Requests'), 'Space');
    await own.locator('.view-practice .is-requested').waitFor({ timeout: 90_000 });
    assert.equal(await own.locator('.view-practice .contact').count(), 0, 'no contact data before the confirmation');
    await press(own, button(own, say.accept));
    await own.locator('.view-practice .is-confirmed').waitFor();
    await visitor.locator('.is-confirmed').waitFor({ timeout: 90_000 });
    await own.getByText('Kim Beispiel, 0151 5550100').waitFor({ timeout: 90_000 });

    for (const [method, path, body] of told) {
      const fine = (method === 'GET' && /^\/v1\/(node|region\/\d\d|bundle\/[0-9a-f]{32})$/.test(path)) || (method === 'POST' && /^\/v1\/exchange\/[0-9a-f]{32}$/.test(path) && [646, 2822].includes(body.length));
      assert.ok(fine, `${method} ${path} ${body?.length}`);
      for (const secret of ['80799', 'Kim', '5550100', 'Verhaltens']) assert.ok(!path.includes(secret) && !(body ?? Buffer.alloc(0)).includes(secret), secret);
    }
    assert.ok(told.some(([, path]) => path.startsWith('/v1/exchange/')));
    // A reload forgets nothing.
    await visitor.reload();
    await goTo(visitor, say.requests);
    await visitor.locator('.is-confirmed').waitFor();
    await calm(visitor);
    await calm(own);
  });
}

test('the page kept as a file takes a node as a source of data alone', { skip, timeout: 240_000 }, async () => {
  const port = await freePort();
  const gateway = await node('datei', ['--web-listen', `0.0.0.0:${port}`]);
  const start_at = new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000 + 5 * 86_400_000).toISOString().replace('.000', '');
  await gateway.qpc('fapp', 'publish', '--plz', '20095', '--fachrichtung', 'VT', '--modalitaet', 'Praxis', '--kostentraeger', 'GKV', '--slot', `${start_at}/50m`);
  const response = await fetch(`http://127.0.0.1:${port}/termine.html`);
  const kept = join(home, 'termine.html');
  await writeFile(kept, Buffer.from(await response.arrayBuffer()));
  const signed = await (await fetch(`http://127.0.0.1:${port}/termine.html.sig`)).json();
  assert.equal(createHash('sha256').update(await readFile(kept)).digest('hex'), signed.sha256);

  const page = await browser.open({ url: `file://${kept}`, clock: false });
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill(`http://127.0.0.1:${port}`);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await search(page, SAYS.de, '20095');
  assert.equal(await button(page, SAYS.de.ask).count(), 1);
  const asked = page.complaints.filter((one) => one.startsWith('request:') && !one.startsWith('request: file:'));
  assert.ok(asked.length > 0 && asked.every((one) => new RegExp(`^request: http://127\\.0\\.0\\.1:${port}/v1/(node|region/\\d\\d)$`).test(one)), asked.join('\n'));
  assert.deepEqual(await page.evaluate(() => window.violations), []);
});

test('the page is ready soon, and small', { skip, timeout: 60_000 }, async () => {
  const port = await freePort();
  await node('schnell', ['--web-listen', `0.0.0.0:${port}`]);
  const times = [];
  for (let i = 0; i < 5; i += 1) {
    const began = Date.now();
    const page = await browser.open({ url: `http://127.0.0.1:${port}/`, clock: false });
    await page.getByLabel(SAYS.de.plz, { exact: true }).first().waitFor();
    times.push(Date.now() - began);
    const [entry] = await page.evaluate(() => performance.getEntriesByType('navigation').map((one) => one.toJSON()));
    assert.ok(entry.transferSize <= 400_000, `${entry.transferSize} B are transferred`);
    await page.close();
  }
  times.sort((a, b) => a - b);
  console.log(`the page is ready after ${times.join(', ')} ms`);
  // A busy machine is no bug: the time is held against its limit when somebody measures.
  if (process.env.MEASURE) assert.ok(times[2] <= 1_000, `the median is ${times[2]} ms`);
});
