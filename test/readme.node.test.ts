/** The code of the documentation: it runs, compiles, or is a part of a file that a test runs. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { accuracyTable, fill, speedTable } from '../scripts/readme-tables.mjs';
import { agrees, DOORS, exampleErrors, ROOT, runExample } from './examples-of-docstrings.js';

/** The page whose only block is in front of all others has a test of its own. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/adapters.md',
  'docs/api-overview.md',
  'docs/pool.md',
  'docs/same-name-different-functions.md',
  'docs/which-loss-when.md',
];

interface Block {
  readonly title: string;
  /** The file it is a part of. */
  readonly from: string | undefined;
  readonly runs: boolean;
  readonly code: string;
}

const read = (path: string): string => readFileSync(ROOT + path, 'utf8');

const blocks = PAGES.flatMap((page) =>
  Array.from(read(page).matchAll(/(?:<!-- (.+) -->\n)?```ts\n([^]*?)```/g), (match, i): Block => {
    const [, mark, code = ''] = match;
    const from = /^from (\S+)$/.exec(mark ?? '')?.[1];
    return {
      title: `${page}, block ${i + 1}`,
      from,
      runs: from === undefined && mark !== 'compiled, not run',
      code,
    };
  }),
);
const parts = blocks.filter(({ from }) => from !== undefined);
const programs = blocks.filter(({ runs }) => runs);

const doors: Record<string, Readonly<Record<string, unknown>>> = {};
for (const [door, file] of Object.entries(DOORS)) {
  doors[door] = (await import(/* @vite-ignore */ file)) as Readonly<Record<string, unknown>>;
}

describe('code', () => {
  test.each(parts.map((block) => [block.title, block] as const))('%s is a part of its file', (_, block) => {
    expect(read(block.from ?? '')).toContain(block.code);
  });

  test('every recipe is in the README', () => {
    const recipes = readdirSync(`${ROOT}examples/recipes`).map((name) => `examples/recipes/${name}`);
    const text = read('README.md');
    expect(recipes.filter((recipe) => !text.includes(recipe))).toEqual([]);
  });

  test('what is no part of a file compiles', () => {
    const whole = blocks.filter(({ from }) => from === undefined);
    expect(whole.length).toBeGreaterThan(3);
    const codes = whole.map(({ title, code }) => [title.replaceAll(/\W+/g, '-'), code] as const);
    expect(exampleErrors(new Map(codes))).toEqual([]);
  });

  test.each(programs.map((block) => [block.title, block] as const))(
    '%s gives what it shows',
    async (_, block) => {
      const shown = await runExample(block.code, doors);
      expect(shown.length, 'each // => follows an expression').toBe(block.code.split('// =>').length - 1);
      expect(shown.length).toBeGreaterThan(0);
      for (const { code, found, printed } of shown) {
        expect(
          agrees(found, JSON.parse(printed)),
          `${code} gives ${JSON.stringify(found)}, not ${printed}`,
        ).toBe(true);
      }
    },
  );

  test('the first gradient takes at most ten lines', () => {
    const [first] = programs;
    expect(first?.title).toBe('README.md, block 1');
    expect(first?.code.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  });

  test('the first line says what it is', () => {
    expect(read('README.md').split('\n')[0]).toMatch(/image segmentation/i);
  });
});

describe('tables', () => {
  const timing = (engine: string, min: number) => ({ engine, min, median: min, minima: [], rounds: 3 });
  const report = {
    machine: { cpu: 'a CPU', cores: 2 },
    runtime: { node: '20.0.0', v8: '11' },
    rows: [
      { case: 'Dice', mode: 'value', pixels: 4, timings: [timing('tuned-ts', 9)] },
      {
        case: 'Dice',
        mode: 'value + gradient',
        pixels: 4,
        timings: [
          timing('segloss simd128', 0.5),
          timing('tuned-ts', 4),
          timing('segloss simd128, CE alone', 1),
        ],
        memory: [{ engine: 'segloss simd128', wasmBytes: 3 * 2 ** 20, processBytes: 2 ** 19 }],
      },
    ],
  };

  test('speed: milliseconds and the factor against the baseline, of value + gradient', () => {
    const lines = speedTable(report).split('\n');
    expect(lines[0]).toContain('a CPU, 2 cores, Node 20.0.0');
    expect(lines.slice(2, 5)).toEqual([
      '| value + gradient | segloss simd128 | tuned-ts |',
      '| --- | ---: | ---: |',
      '| Dice | 0.5 (8×) | 4 |',
    ]);
    expect(lines.at(-1)).toBe(
      '- Dice, segloss simd128: 3.0 MiB of WebAssembly memory, process 0.5 MiB above its arrays',
    );
  });

  test('accuracy: the lines the test prints, and nothing else', () => {
    const output =
      'noise\n\u001b[22maccuracy: value, worst error 2.3e-8 (focalLoss)\naccuracy: BCE 4.0e-11\n 3 passed\n';
    expect(accuracyTable(output).split('\n').slice(2)).toEqual([
      '| value, worst error (focalLoss) | 2.3e-8 |',
      '| BCE | 4.0e-11 |',
    ]);
    expect(() => accuracyTable('noise')).toThrow(RangeError);
  });

  test('the README has both slots, filled', () => {
    const text = read('README.md');
    for (const slot of ['bench', 'accuracy']) {
      expect(fill(text, slot, 'new')).toContain(`<!-- ${slot} -->\nnew\n<!-- /${slot} -->`);
      expect(text.split(`<!-- ${slot} -->`)[1]?.split(`<!-- /${slot} -->`)[0]).toMatch(/\|.+\|/);
    }
    expect(() => fill(text, 'nowhere', '')).toThrow(RangeError);
  });
});
