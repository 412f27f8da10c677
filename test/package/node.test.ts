/** The installed tarball in Node: what is in it, and that it loads by ESM and by `require`. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { EXPECTED, PROGRAM } from './program.js';

const consumer = inject('consumer');
const installed = join(consumer, 'node_modules', 'segloss');
const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
  dependencies?: object;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
  optionalDependencies?: object;
  exports: Record<string, Record<string, string>>;
};

function node(type: 'module' | 'commonjs', code: string): string {
  const args = [`--input-type=${type}`, '--eval', code];
  return execFileSync(process.execPath, args, { cwd: consumer, encoding: 'utf8', stdio: 'pipe' });
}

test('the tarball holds what it must, nothing of the workshop, and at most 510 KB', () => {
  const { bytes, files } = inject('tarball');
  console.log(`tarball: ${bytes} bytes, ${files.length} files`);
  expect(bytes).toBeLessThanOrEqual(510_000);
  expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json']));
  expect(
    files.filter(
      (path) =>
        !/^(dist\/.*\.(js|d\.ts|wasm)|dist\/cli-licenses\.txt|[A-Z]+(\.md)?|package\.json)$/.test(path),
    ),
  ).toEqual([]);
});

test('no dependency is installed with it', () => {
  expect(manifest).not.toHaveProperty('dependencies');
  expect(Object.values(manifest.peerDependenciesMeta)).toEqual(
    Object.keys(manifest.peerDependencies).map(() => ({ optional: true })),
  );
  expect(manifest).not.toHaveProperty('optionalDependencies');
  expect(readdirSync(join(consumer, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'segloss',
  ]);
});

test.each(Object.entries(manifest.exports))('export %s resolves', (path, conditions) => {
  expect(conditions).toHaveProperty('default');
  for (const target of Object.values(conditions)) expect(existsSync(join(installed, target))).toBe(true);
  const specifier = JSON.stringify(path.replace('.', 'segloss'));
  const resolved = node('module', `process.stdout.write(import.meta.resolve(${specifier}))`);
  expect(existsSync(new URL(resolved))).toBe(true);
  if (!conditions.default!.endsWith('.js')) return;
  const code = `await import(${specifier}).catch((error) => process.stdout.write(error.message))`;
  // An adapter needs its framework, which is not here, and nothing else.
  const missing = /Cannot find package '(.+?)'/.exec(node('module', code))?.[1];
  const adapter = ['./tfjs', './jax'].includes(path);
  expect(Object.keys(manifest.peerDependencies).filter((peer) => peer === missing)).toHaveLength(
    adapter ? 1 : 0,
  );
});

test('import runs', () => {
  const code = `import * as segloss from 'segloss'; console.log(JSON.stringify((${PROGRAM})(segloss)));`;
  expect(JSON.parse(node('module', code))).toEqual(EXPECTED);
});

test('npx segloss runs, from a folder of its own', () => {
  const npx = (...args: string[]): string =>
    execFileSync('npx', ['--no-install', 'segloss', ...args], {
      cwd: consumer,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(npx('--version').trim()).toBe(version);
  const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }".padEnd(117) + '\n';
  const header = Buffer.from('\x93NUMPY\x01\x00\x76\x00' + text, 'latin1');
  writeFileSync(join(consumer, 'pred.npy'), Buffer.concat([header, Buffer.from([0, 1, 1, 1])]));
  writeFileSync(join(consumer, 'truth.npy'), Buffer.concat([header, Buffer.from([0, 0, 1, 1])]));
  const { labels } = JSON.parse(npx('eval', 'pred.npy', 'truth.npy', '--json')) as { labels: object[] };
  expect(labels).toMatchObject([{ label: 1, tp: 2, fp: 1, fn: 0, tn: 1, dice: 0.8 }]);
});

test('the losses load nothing of the command line', () => {
  const code = `
    import { register } from 'node:module';
    const hook = 'export const load = (url, context, next) => { console.log(url); return next(url, context); };';
    register('data:text/javascript,' + encodeURIComponent(hook));
    await import('segloss');
    await import('segloss/metrics');`;
  const loaded = node('module', code);
  expect(loaded).toContain('dist/index.js');
  expect(loaded).not.toContain('cli');
});

test('require runs', () => {
  const code = `console.log(JSON.stringify((${PROGRAM})(require('segloss'))));`;
  expect(JSON.parse(node('commonjs', code))).toEqual(EXPECTED);
});

test('both modules are served as files and accepted by setup', () => {
  for (const build of ['simd128', 'relaxed']) {
    const code = `
      import { readFileSync } from 'node:fs';
      import * as segloss from 'segloss';
      segloss.setup({ module: readFileSync(new URL(import.meta.resolve('segloss/${build}.wasm'))) });
      console.log(JSON.stringify((${PROGRAM})(segloss)));`;
    const args = ['--experimental-wasm-relaxed-simd', '--input-type=module', '--eval', code];
    const output = execFileSync(process.execPath, args, { cwd: consumer, encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual(EXPECTED);
  }
});

/** Printed, not asserted: a shared machine's clock decides nothing. The promise is 15 ms on a calm one. */
test('the first call, cold', () => {
  const code = `
    import { binaryCrossEntropyLoss } from 'segloss';
    const start = performance.now();
    binaryCrossEntropyLoss().value(new Float32Array(4), new Uint8Array(4), { shape: [1, 1, 4] });
    console.log(performance.now() - start);`;
  const times = Array.from({ length: 5 }, () => Number(node('module', code)));
  for (const time of times) expect(time).toBeGreaterThan(0);
  console.log(`first call, cold: ${Math.min(...times).toFixed(1)} ms, best of ${times.length}`);
});
