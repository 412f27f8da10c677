/** From the sums of soft skeletons to a region loss of them, and back to slopes. */
import { sampleWeight, unweighted } from '../check/call.js';
import { Scorer } from '../family/region.js';
import { meanOverRows, regionRows } from '../plan.js';
import { type RegionTerm, ROWS, type Score, SUM, type Whole, type WholeTerm } from '../term.js';
import type { Smooth } from '../types.js';
import { eachPlane, gridOf, elementsOf, scatter } from './planes.js';

/** Where a region loss has its sums, in the order the core gives those of skeletons. */
const PLACES = (['tp', 'p', 'g', 'p2', 'g2', 'n'] as const).map((name) => SUM[name]);
const [OVERLAP = 0, PREDICTED = 1, , COVERED = 3, TRUE = 4] = PLACES;

/** Precision and sensitivity of the skeletons, their harmonic mean from 1, and what derives from it. */
function clDiceScore({ numerator, denominator }: Smooth, harmonicSmooth: number): Score {
  return (sums, partials) => {
    const sum = (place: number): number => sums[place] ?? NaN;
    const [predicted, truly] = [sum(PREDICTED) + denominator, sum(TRUE) + denominator];
    const precision = (sum(OVERLAP) + numerator) / predicted;
    const sensitivity = (sum(COVERED) + numerator) / truly;
    const both = precision + sensitivity + harmonicSmooth;
    if (predicted === 0 || truly === 0 || both === 0) {
      partials.fill(0);
      return 0;
    }
    const ofPrecision = (-2 * sensitivity * (sensitivity + harmonicSmooth)) / both ** 2;
    const ofSensitivity = (-2 * precision * (precision + harmonicSmooth)) / both ** 2;
    partials[OVERLAP] = ofPrecision / predicted;
    partials[PREDICTED] = (-ofPrecision * precision) / predicted;
    partials[COVERED] = ofSensitivity / truly;
    return 1 - (2 * precision * sensitivity) / both;
  };
}

export function overSkeletons(
  iterations: number,
  means: Pick<RegionTerm, 'aggregate' | 'average' | 'classWeighting' | 'emptyClass'>,
  smooth: Smooth,
  harmonicSmooth: number,
): WholeTerm['run'] {
  return (call, classes, activation, common): Whole => {
    const term: RegionTerm = {
      ...common,
      ...means,
      family: 'region',
      allSums: true,
      distances: undefined,
      readsBatch: false,
      foreign: false,
      overlap: 'product',
      score: clDiceScore(smooth, harmonicSmooth),
    };
    const { samples, channels } = call;
    const { kept } = classes;
    const grid = gridOf(common.name, call.shape, common.dataFormat);
    const data = elementsOf(call, activation, common, 'probabilities');
    const found = new Float64Array(samples * ROWS * channels);
    eachPlane(call, kept, grid, data, undefined, (plane, { sample, k }) => {
      plane.clDiceSums(iterations).forEach((sum, i) => {
        found[(sample * ROWS + (PLACES[i] ?? 0)) * channels + k] = sum;
      });
    });
    const rows = regionRows(call, term, found);
    const scorer = new Scorer(term, classes);
    const count = rows.weights.length;
    const result = scorer.run(rows.sums, count, rows.weights, scorer.room(count));
    const { nothing, losses, perRow, shares, affine } = result;
    const [batch, macro] = [term.aggregate === 'batch', term.average === 'macro'];
    const counted = new Set(kept);
    const scale = (sample: number, k: number): number =>
      counted.has(k) ? (batch ? sampleWeight(call, sample) : 1) : 0;
    let sloped = false;
    return {
      value: nothing ? 0 : result.value,
      get gradient() {
        if (!sloped) {
          eachPlane(call, kept, grid, data, undefined, (plane, part) => {
            const row = batch ? 0 : part.sample;
            // Of the affine gradient a + b g + c p the derivatives of p, tp and, doubled, p2.
            const of = (coefficient: number): number =>
              (shares[row] ?? 0) * (affine[(row * scorer.width + coefficient) * channels + part.k] ?? 0);
            plane.clDiceSlopes(iterations, of(1), of(0), of(2) / 2);
            scatter(data, plane.values, part);
          });
        }
        sloped = true;
        return [{ call: unweighted(call), activation, pixel: [], slopes: { data, raw: false, scale } }];
      },
      unreduced: {
        data: losses,
        shape: [...(batch ? [] : [samples]), ...(macro ? [kept.length] : [])],
      },
      ...(macro && { perClass: meanOverRows(result, rows, kept) }),
      ...(!batch && { perSample: perRow }),
    };
  };
}
