/** Choosing the build of the core, each case in a process of its own: the choice is made once per process. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { relaxedProbe } from '../ts/inlined.js';
import { logged } from './own-process.js';

/** Whether this engine has relaxed SIMD without being asked for it. */
const native = WebAssembly.validate(relaxedProbe());
const always = native ? ' (skipped: this engine always has relaxed SIMD)' : '';

/** What `body` logs as JSON, line by line, in a fresh process. `say(run)` logs what `run` gives or throws. */
function run(body: string, flags: readonly string[] = []): unknown[] {
  const script = `
    import { backend, diceLoss, setup } from './ts/index.ts';
    import { readFileSync } from 'node:fs';
    const bytes = (build) => readFileSync('./ts/core/' + build + '.wasm');
    const call = () => diceLoss().value(new Float32Array([1, -1]), new Uint8Array([1, 0]), { shape: [1, 1, 2] });
    const say = (run) => {
      let result;
      try { result = run() ?? 'done'; } catch (error) { result = [error.constructor.name, error.message]; }
      console.log(JSON.stringify(result));
    };
    ${body}`;
  return logged(script, flags);
}

const failed = (says: string): unknown[] => ['Error', expect.stringContaining(says)];

describe('setup', () => {
  test('an engine whose relaxed minimum loses a NaN gets simd128', () => {
    const flags = native ? [] : ['--experimental-wasm-relaxed-simd'];
    const forgetful = `
      const { Instance } = WebAssembly;
      WebAssembly.Instance = function (module, imports) {
        const instance = new Instance(module, imports);
        return 'f' in instance.exports ? { exports: { f: () => 0 } } : instance;
      };`;
    const ask = 'say(call); say(() => backend().simd);';
    expect(run(ask, flags)[1]).toBe('relaxed');
    const [value, simd] = run(forgetful + ask, flags);
    expect(value).toBeCloseTo(0.2689, 4);
    expect(simd).toBe('simd128');
  });

  test('any number of times before the first loss call; after it a no-op if equal, an Error if it would change', () => {
    const [before, , , , chosen, , after, same, changes, auto, still, next] = run(`
      say(backend);
      say(() => setup());
      say(() => setup({}));
      say(() => { setup({ simd: 'auto' }); setup({ simd: 'simd128' }); setup({ simd: 'simd128' }); });
      say(backend);
      say(call);
      say(backend);
      say(() => setup({ simd: 'simd128' }));
      say(() => setup({ module: bytes('simd128') }));
      say(() => setup({ simd: 'auto' }));
      say(backend);
      say(call);
    `);
    expect(before).toEqual({
      simd: native ? 'relaxed' : 'simd128',
      started: false,
      memoryBytes: 0,
      threads: 'shared',
    });
    expect(chosen).toEqual({ simd: 'simd128', started: false, memoryBytes: 0, threads: 'shared' });
    expect(after).toMatchObject({ simd: 'simd128', started: true });
    expect((after as { memoryBytes: number }).memoryBytes).toBeGreaterThan(0);
    expect((after as { memoryBytes: number }).memoryBytes).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(same).toBe('done');
    expect(changes).toEqual(failed('before the first loss call'));
    expect(auto).toEqual(native ? failed('before the first loss call') : 'done');
    expect(still).toEqual(after);
    expect(next).toBeGreaterThan(0);
  });

  test('is optional: auto is relaxed where the engine has it', () => {
    const [value, after, again] = run(`say(call); say(backend); say(() => setup());`);
    expect(value).toBeCloseTo(0.268941, 4);
    expect(after).toMatchObject({ simd: native ? 'relaxed' : 'simd128', started: true });
    expect(again).toBe('done');
  });

  test.skipIf(native)(`relaxed with the engine’s flag${always}`, () => {
    const flags = ['--experimental-wasm-relaxed-simd'];
    const [auto, , chosen, value, after, other] = run(
      `say(backend); say(() => setup({ simd: 'relaxed' })); say(backend); say(call); say(backend);
         say(() => setup({ simd: 'simd128' }));`,
      flags,
    );
    expect(auto).toMatchObject({ simd: 'relaxed', started: false });
    expect(chosen).toMatchObject({ simd: 'relaxed', started: false });
    expect(value).toBeCloseTo(0.268941, 4);
    expect(after).toMatchObject({ simd: 'relaxed', started: true });
    expect(other).toEqual(failed('before the first loss call'));
  });

  test.skipIf(native)(`relaxed where the engine has it not is an Error, and changes nothing${always}`, () => {
    const [error, after, value] = run(`say(() => setup({ simd: 'relaxed' })); say(backend); say(call);`);
    expect(error).toEqual(failed('relaxed'));
    expect(after).toMatchObject({ simd: 'simd128', started: false });
    expect(value).toBeCloseTo(0.268941, 4);
  });

  test('options that are none', () => {
    const results = run(`
      say(() => setup({ simd: 'sse' }));
      say(() => setup({ simd: 3 }));
      say(() => setup({ sim: 'auto' }));
      say(() => setup(null));
      say(() => setup('simd128'));
      say(() => setup({ simd: undefined, module: undefined }));
      say(call);
    `);
    expect(results.slice(0, 6)).toEqual([
      ['RangeError', expect.stringMatching(/"simd".*'auto', 'simd128', 'relaxed'.*"sse"/)],
      ['TypeError', expect.stringMatching(/"simd".*'auto'.*3/)],
      ['TypeError', expect.stringMatching(/"sim".*"simd"/)],
      ['TypeError', expect.stringContaining('options object')],
      ['TypeError', expect.stringContaining('options object')],
      'done',
    ]);
    expect(results[6]).toBeCloseTo(0.268941, 4);
  });
});

describe('module', () => {
  const forms = {
    'a WebAssembly.Module': `new WebAssembly.Module(bytes('simd128'))`,
    'a Buffer': `bytes('simd128')`,
    'an ArrayBuffer': `Uint8Array.from(bytes('simd128')).buffer`,
    'a part of a buffer': `Uint8Array.from([9, 9, ...bytes('simd128'), 9]).subarray(2, -1)`,
  };
  test.each(Object.entries(forms))('%s', (_, made) => {
    const [set, chosen, value, after, same, other] = run(`
      const module = ${made};
      say(() => setup({ module }));
      say(backend);
      say(call);
      say(backend);
      say(() => setup({ module }));
      say(() => setup({ simd: 'simd128' }));
    `);
    expect(set).toBe('done');
    expect(chosen).toMatchObject({ simd: 'custom', started: false });
    expect(value).toBeCloseTo(0.268941, 4);
    expect(after).toMatchObject({ simd: 'custom', started: true });
    expect(same).toBe('done');
    expect(other).toEqual(failed('before the first loss call'));
  });

  test('its exports are checked, and what is no module is refused', () => {
    const empty = 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])';
    const [none, bad, text, number, after, value] = run(`
      say(() => setup({ module: ${empty} }));
      say(() => setup({ module: new Uint8Array([1, 2, 3]) }));
      say(() => setup({ module: 'core.wasm' }));
      say(() => setup({ module: 3 }));
      say(backend);
      say(call);
    `);
    expect(none).toEqual(['RangeError', expect.stringMatching(/"module".*export/)]);
    expect(bad).toEqual(['CompileError', expect.any(String)]);
    expect(text).toEqual(['TypeError', expect.stringMatching(/"module".*WebAssembly.Module.*core.wasm/)]);
    expect(number).toEqual(['TypeError', expect.stringContaining('"module"')]);
    expect(after).toMatchObject({ started: false, simd: native ? 'relaxed' : 'simd128' });
    expect(value).toBeCloseTo(0.268941, 4);
  });

  test('the shipped file gives the same bits as the inlined code', () => {
    const [inlined] = run(`setup({ simd: 'simd128' }); say(call);`);
    const [file] = run(`setup({ module: bytes('simd128') }); say(call);`);
    expect(file).toBe(inlined);
    expect(readFileSync(new URL('../ts/core/simd128.wasm', import.meta.url)).length).toBeGreaterThan(1000);
  });
});

test('importing and backend() compile nothing; the first loss call does', () => {
  const [before, after, compiled] = run(`
    let count = 0;
    const Compiler = WebAssembly.Module;
    WebAssembly.Module = new Proxy(Compiler, { construct: (t, args) => (count++, Reflect.construct(t, args)) });
    backend();
    setup({ simd: 'auto' });
    say(() => count);
    say(backend);
    call();
    say(() => count);
  `);
  expect(before).toBe(0);
  expect(after).toMatchObject({ started: false, memoryBytes: 0, threads: 'shared' });
  expect(compiled).toBe(1);
});
