/** The committed core: made from these sources, whole, and the same in each of its forms. */
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sha256, sourceHash } from '../scripts/source-hash.mjs';
import { geometryText } from '../ts/core/geometry.js';
import { inlinedCore } from '../ts/inlined.js';
import { fromText } from '../ts/text.js';

const root = join(import.meta.dirname, '..');
const core = join(root, 'ts', 'core');
const record = JSON.parse(readFileSync(join(core, 'BUILD.json'), 'utf8')) as {
  sources: string;
  outputs: Record<string, string>;
};
const BUILDS = ['simd128', 'relaxed'] as const;
const bytes = (build: string): Buffer<ArrayBuffer> => readFileSync(join(core, `${build}.wasm`));

test('ts/core is built from the sources in crate/ and geometry/: else run npm run build:core', () => {
  expect(sourceHash(root)).toBe(record.sources);
});

test.each(Object.entries(record.outputs))('%s is as built', (name, hash) => {
  expect(sha256(readFileSync(join(core, name)))).toBe(hash);
});

test('BUILD.json records every generated file', () => {
  expect(Object.keys(record.outputs).sort()).toEqual(
    readdirSync(core)
      .filter((name) => name !== 'BUILD.json')
      .sort(),
  );
});

test.each(BUILDS)('the inlined text of %s is its module', (build) => {
  expect(Buffer.compare(inlinedCore(build), bytes(build))).toBe(0);
});

test('the inlined text of geometry is its module', () => {
  expect(Buffer.compare(fromText(geometryText), bytes('geometry'))).toBe(0);
});

test('both builds have the same imports and exports', () => {
  // Compiling does not need the engine to have relaxed SIMD switched on: the sections are read as bytes.
  const [simd128, relaxed] = BUILDS.map((build) => namesOf(bytes(build)));
  expect(relaxed).toEqual(simd128);
  expect(simd128).toContain('workspace_run');
});

test.each([...BUILDS, 'geometry'])('%s holds no path of a machine', (build) => {
  const text = bytes(build).toString('latin1');
  expect(text).not.toContain(root);
  expect(text).not.toContain(`${homedir()}/`);
  expect(text).not.toMatch(/\/(home|Users|root|tmp|usr|opt)\//);
});

const [IMPORTS, EXPORTS] = [2, 7];

/** The names in the import and export sections of a module. */
function namesOf(module: Buffer): string[] {
  const names: string[] = [];
  for (let at = 8; at < module.length;) {
    const id = module[at]!;
    let [size, shift] = [0, 0];
    let byte: number;
    do {
      byte = module[++at]!;
      size += (byte & 127) << shift;
      shift += 7;
    } while (byte > 127);
    at++;
    if (id === IMPORTS || id === EXPORTS) {
      names.push(...(module.toString('latin1', at, at + size).match(/[\w./]{4,}/g) ?? []));
    }
    at += size;
  }
  return names.sort();
}
