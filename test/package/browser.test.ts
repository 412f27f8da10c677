/** The installed tarball in Chromium, without a bundler, under a strict content security policy. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { type Browser, chromium as engine, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { chromium } from '../../scripts/toolchain.mjs';
import { EXPECTED, PROGRAM } from './program.js';

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const ENTRY = '/node_modules/segloss/dist/index.js';
const PAGES: Record<string, string> = {
  '/favicon.ico': '',
  '/page.html': '<!doctype html><title>page</title><script type="module" src="/page.js"></script>',
  '/page.js': `
    import * as segloss from '${ENTRY}';
    globalThis.result = { ...(${PROGRAM})(segloss), simd: segloss.backend().simd };`,
  '/worker.html': '<!doctype html><title>worker</title><script type="module" src="/start.js"></script>',
  '/start.js': `
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = ({ data }) => { globalThis.result = data; };`,
  '/worker.js': `
    import * as segloss from '${ENTRY}';
    postMessage({ ...(${PROGRAM})(segloss), simd: segloss.backend().simd });`,
};
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };

const executablePath = chromium();
let server: Server;
let browser: Browser;

beforeAll(async () => {
  if (!executablePath) return;
  const consumer = inject('consumer');
  server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    const send = (status: number, body: string | Buffer): void => {
      response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY }).end(body);
    };
    if (PAGES[path] !== undefined) send(200, PAGES[path]);
    else
      readFile(join(consumer, path)).then(
        (body) => send(200, body),
        () => send(404, 'not found'),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await engine.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
});

afterAll(async () => {
  if (!executablePath) return;
  await browser.close();
  server.close();
});

/** What the page leaves in `globalThis.result`, and everything it complained of. */
async function visit(page: Page, path: string): Promise<unknown> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  // Asked from outside: the page's policy forbids a predicate of ours to be evaluated in it.
  const result = (): Promise<unknown> => page.evaluate('globalThis.result ?? null');
  await expect.poll(() => complaints.length > 0 || result(), { timeout: 20_000 }).toBeTruthy();
  expect(complaints).toEqual([]);
  return result();
}

test.for(['page', 'worker'])('a %s without bundler', async (kind, { skip }) => {
  skip(!executablePath, 'no Chromium found; scripts/ci/toolchain.sh installs one');
  const page = await browser.newPage();
  const result = await visit(page, `/${kind}.html`);
  expect(result).toEqual({ ...EXPECTED, simd: expect.stringMatching(/^(simd128|relaxed)$/) as string });
});
