/** Pages of a folder in Chromium, under a content security policy, and what they leave in `globalThis.result`. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium as engine } from 'playwright-core';

const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
/** No WebAssembly at all: shows that the policy is in force where the other one is. */
const STRICTER = "default-src 'self'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript' };
const PATIENCE = 20_000;

export async function openBrowser(folder, executablePath) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const headers = {
      'content-type': TYPES[extname(pathname)] ?? 'application/octet-stream',
      'content-security-policy': searchParams.has('stricter') ? STRICTER : POLICY,
    };
    const send = (status, body) => response.writeHead(status, headers).end(body);
    if (pathname === '/favicon.ico') send(200, '');
    else if (pathname === '/page.html') {
      const page = `<!doctype html><title>page</title><script type="module" src="${searchParams.get('script')}"></script>`;
      send(200, page);
    } else
      readFile(join(folder, normalize(pathname))).then(
        (body) => send(200, body),
        () => send(404, 'not found'),
      );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await engine.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  return {
    version: browser.version(),
    /** The result of the page that runs a script. */
    async run(script, { stricter = false } = {}) {
      const page = await browser.newPage();
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      try {
        const query = new URLSearchParams({ script, ...(stricter && { stricter: '' }) });
        await page.goto(`http://127.0.0.1:${server.address().port}/page.html?${query}`);
        const until = Date.now() + PATIENCE;
        for (;;) {
          // Asked from outside: the page's policy forbids a predicate of ours to be evaluated in it.
          const result = await page.evaluate('globalThis.result ?? null');
          if (result !== null) return result;
          if (complaints.length > 0) throw new Error(complaints.join('; '));
          if (Date.now() > until) throw new Error(`no result after ${PATIENCE / 1000} s`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      } finally {
        await page.close();
      }
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
