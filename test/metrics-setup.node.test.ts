/** The module of the metrics given instead of inlined; a file of its own, for a module starts once. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { confusionMatrix, setup } from '../ts/metrics/index.js';

test('a given module is the one in use, and stays it', () => {
  const bytes = readFileSync(new URL('../ts/core/geometry.wasm', import.meta.url));
  const module = new WebAssembly.Module(bytes);
  setup({ module: bytes });
  setup({ module });
  expect(confusionMatrix(Uint8Array.of(1, 0), Uint8Array.of(1, 1)).counts(1).tp).toBe(1);
  setup({ module });
  setup({});
  expect(() => {
    setup({ module: bytes });
  }).toThrow(/already runs/);
});

test('neither door loads the other', async () => {
  const { build } = await import('esbuild');
  const bundle = async (contents: string): Promise<string> => {
    const stdin = { contents, resolveDir: new URL('.', import.meta.url).pathname, loader: 'ts' as const };
    const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false });
    return outputFiles[0]?.text ?? '';
  };
  const metrics = await bundle("export * from '../ts/metrics/index.js'");
  const losses = await bundle("export * from '../ts/index.js'");
  expect(metrics).toContain('geometryText');
  expect(metrics).not.toMatch(/simd128Text|relaxedPatch|RawWorkspace/);
  expect(losses).toContain('simd128Text');
  expect(losses).not.toContain('geometryText');
});
