/** Every fixture of `test/oracle-metrics`: what scipy, MONAI and torchmetrics say of small label maps. */
import { describe, expect, test } from 'vitest';
import {
  confusionMatrix,
  type ConfusionMatrix,
  type Counts,
  lesions,
  type Lesions,
  type LesionsCall,
  type ScoreOptions,
  surfaceDistances,
  type SurfaceDistances,
  type SurfaceDistancesCall,
} from '../ts/metrics/index.js';
import lesionFixture from './oracle-metrics/lesions.json' with { type: 'json' };
import overlapFixture from './oracle-metrics/overlap.json' with { type: 'json' };
import surfaceFixture from './oracle-metrics/surfaces.json' with { type: 'json' };

/** Not finite: as text. */
type Written = number | string;

const labelsOf = (digits: string): Uint8Array => Uint8Array.from(digits, Number);

/** The error of a number, relative where it is large; 0 where both are NaN or the same infinity. */
function errorOf(found: number, expected: Written): number {
  const right = Number(expected);
  return Object.is(found, right) ? 0 : Math.abs(found - right) / Math.max(1, Math.abs(right));
}

const entries = (scores: Written | Written[] | Float64Array): Written[] =>
  typeof scores === 'number' || typeof scores === 'string' ? [scores] : Array.from<Written>(scores);

function expectAllWithin(
  found: number | Float64Array,
  expected: Written | Written[],
  tolerance: number,
  what: string,
): void {
  const [have, want] = [entries(found), entries(expected)];
  expect(have.length, what).toBe(want.length);
  have.forEach((one, i) => {
    // Negated, so that NaN against a number fails.
    const close = errorOf(one as number, want[i] as Written) <= tolerance;
    expect(close, `${what}: ${one}, not ${want[i]}`).toBe(true);
  });
}

describe('overlap', () => {
  const tolerances: Readonly<Record<string, number>> = overlapFixture.tolerance;
  test.each(overlapFixture.cases)('$title', (given) => {
    const options = {
      classes: given.classes,
      ...('mask' in given && { mask: labelsOf(given.mask) }),
      ...('ignoreIndex' in given && { ignoreIndex: given.ignoreIndex }),
    };
    const matrix = confusionMatrix(labelsOf(given.pred), labelsOf(given.target), options);
    expect(matrix.labels.map((label): Counts => matrix.counts(label))).toEqual(given.counts);
    for (const [source, method, how, expected] of given.scores as [
      string,
      keyof ConfusionMatrix & string,
      ScoreOptions,
      Written,
    ][]) {
      const found = (matrix[method] as (options: ScoreOptions) => number | Float64Array)(how);
      expectAllWithin(found, expected, tolerances[source] ?? 0, `${source} ${method} ${JSON.stringify(how)}`);
    }
  });
});

describe('surfaces', () => {
  const tolerances: Readonly<Record<string, number>> = surfaceFixture.tolerance;
  test.each(surfaceFixture.cases)('$title', ({ pred, target, call, scores }) => {
    const measured = surfaceDistances(labelsOf(pred), labelsOf(target), call as SurfaceDistancesCall);
    for (const [source, method, given, expected] of scores as [
      string,
      keyof SurfaceDistances & string,
      number[],
      Written,
    ][]) {
      const [argument] = given;
      const found = measured[method](argument as number);
      expectAllWithin(found, expected, tolerances[source] ?? 0, `${source} ${method}(${given.join()})`);
    }
  });
});

describe('lesions', () => {
  test.each(lesionFixture.cases)('$title', ({ pred, target, call, scores }) => {
    for (const [how, expected] of scores as [Partial<LesionsCall>, Record<string, Written>][]) {
      const found: Lesions = lesions(labelsOf(pred), labelsOf(target), { ...call, ...how });
      const right = Object.entries(expected).map(([name, value]) => [name, Number(value)]);
      expect(found, JSON.stringify(how)).toEqual(Object.fromEntries(right));
    }
  });
});
