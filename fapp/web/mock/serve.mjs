// Serves the page with the mock session, assembled as the packer does it: one file, one style, one
// script, and a content security policy that names both by hash.
//
//   node fapp/web/mock/serve.mjs [PORT]      then open the address that is printed
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const page = new URL('../page/', import.meta.url);
const OTHERS = new Set(['boot.js', 'core.js', 'node.js', 'session.js', 'session_alerts.js', 'session_own.js', 'store.js']); // what the mock stands for
const sha256 = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page as one text. */
export function assemble() {
  const read = (name) => readFileSync(new URL(name, page), 'utf8');
  const names = read('order').split('\n').filter((name) => name && !OTHERS.has(name));
  const script = `${names.map(read).join('\n')}\n${readFileSync(new URL('mock.js', import.meta.url), 'utf8')}`;
  const style = read('style.css');
  const policy = ["default-src 'none'", `script-src ${sha256(script)} 'wasm-unsafe-eval'`, `style-src ${sha256(style)}`, 'connect-src *', "base-uri 'none'", "form-action 'none'"].join('; ');
  return read('index.html')
    .replace('<!--STYLE-->', () => `<meta http-equiv="Content-Security-Policy" content="${policy}">\n<style>${style}</style>`)
    .replace('<!--SCRIPT-->', () => `<script>${script}</script>`);
}

/** Listens on loopback; resolves to {url, close}. */
export function serve(port = 0) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const known = pathname === '/' || pathname === '/termine.html';
    response.writeHead(known ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    response.end(known ? assemble() : '');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve({ url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve(Number(process.argv[2] ?? 8090));
  console.log(`${url} (a visitor), ${url}?mode=own (a practice), ${url}?origin=disk, ${url}?offline, ${url}?empty`);
}
