/** `segloss/pool` of the installed tarball: Node, pages with and without shared memory, and what bundlers make of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { type Browser, chromium as engine } from 'playwright-core';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { chromium } from '../../scripts/toolchain.mjs';

const consumer = inject('consumer');

/** Whether a pool gives the bits of the loss, from both kinds of memory; over several chunks. */
const PROGRAM = `async ({ diceLoss, backend }, { createPool }, options) => {
  const call = { shape: [1, 1, 100_000] };
  const pred = Float32Array.from({ length: 100_000 }, (_, i) => 4 * Math.sin(i));
  const target = new Uint8Array(100_000).fill(1, 0, 999);
  const alone = diceLoss().valueAndGrad(pred, target, call);
  const pool = await createPool({ threads: 2, ...options });
  const memories = [pred];
  if (typeof SharedArrayBuffer === 'function') {
    memories.push(new Float32Array(new SharedArrayBuffer(4 * pred.length)));
    memories[1].set(pred);
  }
  const same = [];
  for (const memory of memories) {
    const { value, grad } = await pool.valueAndGrad(diceLoss(), memory, target, call);
    same.push(value === alone.value && grad.every((x, i) => Object.is(x, alone.grad[i])));
  }
  return { same, threads: backend().threads };
}`;
const SHARED = { same: [true, true], threads: 'shared' };
const MOVED = { same: [true], threads: 'transfer' };

describe('Node', () => {
  /** The pool is left open: the process must end by itself all the same. */
  const run = (type: 'module' | 'commonjs', code: string): unknown => {
    const args = [`--input-type=${type}`, '--eval', code];
    const output = execFileSync(process.execPath, args, { cwd: consumer, encoding: 'utf8', timeout: 30_000 });
    return JSON.parse(output);
  };

  test('import, and an open pool does not keep the process', () => {
    const code = `
      import * as segloss from 'segloss';
      import * as pool from 'segloss/pool';
      console.log(JSON.stringify(await (${PROGRAM})(segloss, pool)));`;
    expect(run('module', code)).toEqual(SHARED);
  });

  test('require', () => {
    const code = `(${PROGRAM})(require('segloss'), require('segloss/pool')).then((x) => console.log(JSON.stringify(x)));`;
    expect(run('commonjs', code)).toEqual(SHARED);
  });

  test('a worker that ends itself', () => {
    // Late enough for the other to have started too, however busy the machine is.
    const code = `
      import { diceLoss } from 'segloss';
      import { createPool } from 'segloss/pool';
      import { Worker } from 'node:worker_threads';
      const url = new URL(import.meta.resolve('segloss/pool/worker'));
      const ends = "import(require('worker_threads').workerData).then(() => setTimeout(() => process.exit(3), 1500))";
      const worker = () => new Worker(ends, { eval: true, workerData: url.href, execArgv: [] });
      const pool = await createPool({ threads: 2, worker });
      const said = [];
      while (said.length === 0) {
        await pool.value(diceLoss(), new Float32Array(1e6), new Uint8Array(1e6), { shape: [1, 1, 1e6] })
          .catch((error) => said.push(error.message));
      }
      console.log(JSON.stringify(said));`;
    expect(run('module', code)).toEqual([
      'a worker of the pool died: it exited with code 3; make another pool',
    ]);
  });
});

const executablePath = chromium();
const absent = executablePath ? '' : ' (skipped: no Chromium found; scripts/ci/toolchain.sh installs one)';

describe.skipIf(!executablePath)(`Chromium${absent}`, () => {
  const ENTRY = '/node_modules/segloss/dist';
  const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
  const APART = {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };
  const main = (options = '{}') => `
    import * as segloss from 'segloss';
    import * as pool from 'segloss/pool';
    (${PROGRAM})(segloss, pool, ${options}).then(
      (result) => { globalThis.result = result; },
      (error) => { globalThis.result = String(error); },
    );`;
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    const source = main()
      .replace("'segloss'", `'${ENTRY}/index.js'`)
      .replace("'segloss/pool'", `'${ENTRY}/pool/index.js'`);
    writeFileSync(join(consumer, 'plain.js'), source);
    server = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
      const type = TYPES[extname(pathname)] ?? 'application/octet-stream';
      const apart =
        search === '?isolated' ||
        request.headers.referer?.endsWith('?isolated') ||
        extname(pathname) === '.js';
      const headers = { 'content-type': type, 'content-security-policy': POLICY, ...(apart && APART) };
      const page = /^\/(.+)\.html$/.exec(pathname);
      if (page)
        response
          .writeHead(200, headers)
          .end(`<!doctype html><script type="module" src="/${page[1]}.js"></script>`);
      else
        readFile(join(consumer, pathname)).then(
          (body) => response.writeHead(200, headers).end(body),
          () => response.writeHead(404, headers).end(),
        );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await engine.launch({
      executablePath: executablePath!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  async function visit(path: string): Promise<unknown> {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    const result = (): Promise<unknown> => page.evaluate('globalThis.result ?? null');
    await expect.poll(result, { timeout: 20_000 }).toBeTruthy();
    const found = await result();
    await page.close();
    return found;
  }

  test('an isolated page shares', async () => {
    expect(await visit('/plain.html?isolated')).toEqual(SHARED);
  });

  test('a page that is not isolated moves', async () => {
    expect(await visit('/plain.html')).toEqual(MOVED);
  });

  test('Vite finds the worker by itself', async () => {
    mkdirSync(join(consumer, 'vite'), { recursive: true });
    writeFileSync(join(consumer, 'vite', 'main.js'), main());
    await vite({
      root: join(consumer, 'vite'),
      base: '/vite/out/',
      logLevel: 'error',
      configFile: false,
      build: {
        outDir: 'out',
        rollupOptions: { input: join(consumer, 'vite', 'main.js'), output: { entryFileNames: 'main.js' } },
      },
    });
    expect(await visit('/vite/out/main.html?isolated')).toEqual(SHARED);
  });

  test('esbuild is given the worker as an entry, and the page says where it is', async () => {
    const options = `{ worker: () => new Worker('/esbuild/worker.js', { type: 'module' }) }`;
    writeFileSync(join(consumer, 'main-esbuild.js'), main(options));
    await esbuild({
      absWorkingDir: consumer,
      entryPoints: { main: './main-esbuild.js', worker: 'segloss/pool/worker' },
      bundle: true,
      format: 'esm',
      outdir: 'esbuild',
      logLevel: 'error',
    });
    expect(await visit('/esbuild/main.html?isolated')).toEqual(SHARED);
    writeFileSync(join(consumer, 'main-esbuild.js'), main());
    await esbuild({
      absWorkingDir: consumer,
      entryPoints: { page: './main-esbuild.js' },
      bundle: true,
      format: 'esm',
      outdir: 'lost',
    });
    expect(await visit('/lost/page.html')).toMatch(/a worker of the pool did not start: .*; if a bundler/);
  });
});
