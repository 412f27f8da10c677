/** The page on means, row by row: worked as written, and against the package. */
import * as segloss from 'segloss';
import type { Loss, LossCall } from 'segloss';
import { describe, expect, test } from 'vitest';
import page from '../docs/what-a-mean-divides-by.md?raw';

interface Row {
  readonly section: string;
  readonly loss: string;
  readonly call: string;
  readonly worked: string;
  readonly value: string;
  readonly gradient: string | undefined;
}

/** Rows of the tables whose first column is a loss. */
function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3);
    const cells = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    const [, loss = '', call = '', worked = '', value = '', gradient] = cells;
    if (/^\w+Loss\(/.test(loss)) {
      rows.push({ section, loss, call, worked, value, gradient: gradient === '' ? undefined : gradient });
    }
  }
  return rows;
}

/** An expression of the page: its text is part of this repository. */
function evaluate(code: string, names: Readonly<Record<string, unknown>>): unknown {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function(...Object.keys(names), `'use strict'; return (${code});`) as (
    ...values: unknown[]
  ) => unknown;
  return run(...Object.values(names));
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const focal = (z: number, g: 0 | 1): number => {
  const p = sigmoid(z);
  return g === 1 ? -0.25 * (1 - p) ** 2 * Math.log(p) : -0.75 * p ** 2 * Math.log(1 - p);
};
const WORDS = { a: -Math.log(0.75), b: Math.LN2, c: focal(2, 1), d: focal(-1, 1), n: focal(-3, 0) };

const probabilities = new Float32Array([0.25, 0.5, 0.75, 0.5, 0.75, 0.5, 0.25, 0.5]);
const labels = new Uint8Array([1, 0, 0, 255]);
/** Index of the missed logit. */
const MISSED = 4;
const lesions = {
  pred: new Float32Array([2, -3, -3, -3, -1, -3, -3, -3]),
  target: new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0]),
  shape: [1, 2, 4],
};

function callOf(text: string, shape: number[]): LossCall {
  const given = (text === '' ? {} : evaluate(text, {})) as Record<string, ArrayLike<number>>;
  const { pixelWeights, ...rest } = given;
  return { shape, ...rest, ...(pixelWeights && { pixelWeights: Float32Array.from(pixelWeights) }) };
}

function results({ loss, call }: Row): { value: number; grad: Float32Array } {
  const factories = Object.fromEntries(
    Object.entries(segloss as Record<string, unknown>).map(([name, factory]) => [
      name,
      (options: object = {}) => {
        const common =
          name === 'focalLoss'
            ? { activation: 'sigmoid' }
            : { ignoreIndex: 255, ...(name === 'crossEntropyLoss' ? {} : { activation: 'none' }) };
        return (factory as (options: object) => Loss)({ ...common, ...options });
      },
    ]),
  );
  const made = evaluate(loss, factories) as Loss;
  if (made.name === 'focalLoss') {
    return made.valueAndGrad(lesions.pred, lesions.target, callOf(call, lesions.shape));
  }
  const pred = made.name === 'crossEntropyLoss' ? probabilities.map(Math.log) : probabilities;
  return made.valueAndGrad(pred, labels, callOf(call, [2, 2, 2]));
}

/** Digits printed after the point. */
const precision = (printed: string): number => (printed.split('.')[1] ?? '').length;

const rows = rowsOf(page);

test('the page works every option through', () => {
  expect(rows.length).toBeGreaterThan(45);
  const text = rows.map(({ loss, call }) => loss + call).join('\n');
  for (const option of [
    "normalizer: 'all'",
    "normalizer: 'weights'",
    "meanOver: 'pixels'",
    "reduction: 'sum'",
    'classWeights',
    "classWeighting: 'raw'",
    "aggregate: 'batch'",
    "average: 'micro'",
    "emptyClass: 'skip'",
    "emptyClass: 'zero'",
    "emptyClass: 'one'",
    'smooth: 1',
    'classes',
    'includeBackground',
    'positiveWeight',
    'mask',
    'pixelWeights',
    'sampleWeights',
  ]) {
    expect(text).toContain(option);
  }
});

describe.each([...new Set(rows.map(({ section }) => section))])('%s', (section) => {
  test.each(rows.filter((row) => row.section === section))('$loss $call = $value', (row) => {
    const worked = evaluate(row.worked, WORDS) as number;
    expect(worked, row.worked).toBeCloseTo(Number(row.value), precision(row.value));
    const { value, grad } = results(row);
    expect(value).toBeCloseTo(worked, 6);
    if (row.gradient !== undefined) {
      expect(grad[MISSED]).toBeCloseTo(Number(row.gradient), precision(row.gradient));
    }
  });
});

test('meanOver pixels is elements times the channels, in value and in every entry of the gradient', () => {
  const run = (meanOver: 'elements' | 'pixels') =>
    segloss
      .focalLoss({ activation: 'sigmoid', alpha: 0.25, meanOver })
      .valueAndGrad(lesions.pred, lesions.target, { shape: lesions.shape });
  const [elements, pixels] = [run('elements'), run('pixels')];
  expect(pixels.value).toBeCloseTo(2 * elements.value, 12);
  pixels.grad.forEach((g, i) => {
    expect(g).toBeCloseTo(2 * (elements.grad[i] ?? NaN), 8);
  });
  const large = page.match(/the sum is 65,536 times that: ([\d,]+)/)?.[1] ?? '';
  expect(Number(large.replaceAll(',', ''))).toBe(Math.round(65_536 * (WORDS.c + WORDS.d + 6 * WORDS.n)));
});

test('the numbers of the text', () => {
  const text = page;
  for (const printed of [`a = ${WORDS.a.toFixed(4)}`, `b = ${WORDS.b.toFixed(4)}`]) {
    expect(text).toContain(printed);
  }
  for (const number of [WORDS.c.toFixed(5), WORDS.d.toFixed(4), `n = ${WORDS.n.toFixed(6)}`]) {
    expect(text).toContain(number);
  }
});
