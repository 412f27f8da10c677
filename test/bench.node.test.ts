/** Every case of the benchmark as a test: the answers only, on few pixels. */
import * as segloss from 'segloss';
import { describe, expect, test } from 'vitest';
import { type Case, CASES, problemOf } from '../bench/cases.js';
import { checkAnswers } from '../bench/check.js';
import { idiomaticTs } from '../bench/engines/idiomatic-ts.js';
import { seglossEngine } from '../bench/engines/segloss.js';
import { specialisedTs } from '../bench/engines/specialised-ts.js';
import { tunedTs } from '../bench/engines/tuned-ts.js';
import { measure, timingOf } from '../bench/measure.js';
import { compare, linesOf, reportOf } from '../bench/report.js';

const ENGINES = [seglossEngine(segloss), idiomaticTs, specialisedTs, tunedTs];

const MOST_SAMPLES = 600;

/**
 * The case on 13 × 11 pixels a sample: more than a block of the baseline, and no multiple of anything. Many small samples
 * stay small, and are fewer.
 */
function small({ large: _, ...testCase }: Case): Case {
  const [samples = 1, ...rest] = testCase.shape;
  if (samples > MOST_SAMPLES) return { ...testCase, shape: [MOST_SAMPLES, ...rest] };
  const channels = (testCase.channelsLast ? rest.at(-1) : rest[0]) ?? 1;
  return {
    ...testCase,
    shape: [samples, ...(testCase.channelsLast ? [13, 11, channels] : [channels, 13, 11])],
  };
}

function runsOf(testCase: Case) {
  const problem = problemOf(testCase);
  const runs = ENGINES.flatMap((engine) => {
    const run = engine.prepare(problem);
    if (run) return [{ name: engine.name, run }];
    if (engine === specialisedTs) return [];
    throw new Error(`${engine.name} leaves out ${testCase.name}`);
  });
  return { runs, length: problem.pred.length, tolerance: problem.tolerance };
}

describe('bench: all engines give the same answer', () => {
  test.each(CASES.map((testCase) => [testCase.name, testCase] as const))('%s', (_, testCase) => {
    const { runs, length, tolerance } = runsOf(small(testCase));
    expect(() => {
      checkAnswers(runs, length, tolerance);
    }).not.toThrow();
  });
});

describe('bench: a wrong answer is found', () => {
  const right = (out?: Float32Array): number => {
    out?.fill(0.5);
    return 1;
  };
  const reference = { name: 'reference', run: right };
  const wrong: [string, (out?: Float32Array) => number, RegExp][] = [
    ['value', (out) => right(out) + 2e-5, /wrong: value/],
    ['value without a gradient', (out) => right(out) + (out ? 0 : 2e-5), /wrong: value/],
    ['NaN', (out) => right(out) * NaN, /wrong: value NaN/],
    [
      'one entry of the gradient',
      (out) => {
        const value = right(out);
        if (out) out[3] = 0.50001;
        return value;
      },
      /wrong: gradient\[3\]/,
    ],
    ['a gradient that is not written', () => 1, /wrong: gradient\[0\] NaN/],
  ];
  test.each(wrong)('%s', (_, run, message) => {
    expect(() => {
      checkAnswers([{ name: 'wrong', run }, reference], 5);
    }).toThrow(message);
  });
  test('and a right one passes', () => {
    expect(() => {
      checkAnswers([{ name: 'right', run: right }, reference], 5);
    }).not.toThrow();
  });
});

describe('bench: report', () => {
  const timings = (scale: number) => [
    { engine: 'segloss simd128', min: scale, median: scale, minima: [scale, 1.02 * scale], rounds: 2 },
    { engine: 'specialised-ts', min: 6, median: 9, minima: [6, 6.1], rounds: 2 },
    { engine: 'tuned-ts', min: 8, median: 9, minima: [8, 8.1], rounds: 2 },
  ];
  const row = (scale: number) =>
    ({ case: 'a case', mode: 'value', pixels: 1e6, timings: timings(scale) }) as const;

  test('a row tells ns a pixel and the ratios to both baselines', () => {
    expect(linesOf(row(2))[2]).toMatch(/segloss simd128 +2\.0000 +2\.0000 +2\.00 +4\.00 x +3\.00 x +2$/);
  });
  test('a row with limits tells how far each build is from its own', () => {
    const limit = (engine: string, min: number) => ({ engine, min, median: min, minima: [min], rounds: 1 });
    const timings = [limit('segloss simd128', 2), limit('native 128-bit', 1.6), limit('copy', 0.5)];
    const limits = { elements: 2e6, timings };
    const lines = linesOf({ ...row(2), limits });
    expect(lines).toContainEqual(
      expect.stringMatching(/segloss simd128 +1\.000 ns\/el +4\.0 x copy +1\.25 x native 128-bit$/),
    );
  });
  test.each([
    [1, 'faster'],
    [2.01, 'within noise'],
    [4, 'slower'],
  ])('from 2 ms to %d ms is %s', (now, verdict) => {
    const lines = compare(reportOf([row(2)]), reportOf([row(now)]));
    expect(lines.find((line) => line.includes('segloss'))).toContain(verdict);
  });
  test('a timing has the least and the median of its rounds', () => {
    const [timing] = measure([{ name: 'counts', run: () => 1 }], undefined, 1);
    expect(timing?.rounds).toBeGreaterThanOrEqual(3);
    expect(timing?.min).toBe(Math.min(...(timing?.minima ?? [])));
    expect(timingOf('three rounds', [3, 1, 2]).minima).toEqual([3, 1, 2]);
    // Calls of a microsecond: more rounds in a part than a call takes arguments.
    const many = timingOf('many rounds', new Array<number>(2_000_000).fill(1));
    expect([many.min, many.median, many.rounds]).toEqual([1, 1, 2_000_000]);
    expect(timing?.median).toBeGreaterThanOrEqual(timing?.min ?? NaN);
  });
});
