/** The module of the metrics given instead of inlined; in a process of its own, for a module starts once. */
import { expect, test } from 'vitest';
import { logged } from './own-process.js';

test('a given module is the one in use, and stays it', () => {
  const [tp, refused] = logged(`
    import { readFileSync } from 'node:fs';
    import { confusionMatrix, setup } from './ts/metrics/index.ts';
    const bytes = readFileSync('./ts/core/geometry.wasm');
    const module = new WebAssembly.Module(bytes);
    setup({ module: bytes });
    setup({ module });
    console.log(confusionMatrix(Uint8Array.of(1, 0), Uint8Array.of(1, 1)).counts(1).tp);
    setup({ module });
    setup({});
    try { setup({ module: bytes }); } catch (error) { console.log(JSON.stringify(error.message)); }`);
  expect(tp).toBe(1);
  expect(refused).toMatch(/already runs/);
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
