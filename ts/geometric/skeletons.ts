/** From the sums of soft skeletons to a region loss of them, and back to slopes. */
import { regionResult } from '../family/region.js';
import { meanOverRows, regionRows } from '../plan.js';
import { type RegionTerm, ROWS, type Scored, SUM_NAMES, type Whole, type WholeTerm } from '../term.js';
import type { Smooth } from '../types.js';
import { eachPlane, gridOf, elementsOf, scatter, unweighted } from './planes.js';

/** Where a region loss has its sums, in the order the core gives those of skeletons. */
const PLACES = (['tp', 'p', 'g', 'p2', 'g2', 'n'] as const).map((name) => SUM_NAMES.indexOf(name));
const [OVERLAP = 0, PREDICTED = 1, , COVERED = 3, TRUE = 4] = PLACES;

/** Precision and sensitivity of the skeletons, their harmonic mean from 1, and what derives from it. */
function score(sums: Float64Array, { numerator, denominator }: Smooth, harmonicSmooth: number): Scored {
  const sum = (place: number): number => sums[place] ?? NaN;
  const partials = new Float64Array(ROWS);
  const [predicted, truly] = [sum(PREDICTED) + denominator, sum(TRUE) + denominator];
  const precision = (sum(OVERLAP) + numerator) / predicted;
  const sensitivity = (sum(COVERED) + numerator) / truly;
  const both = precision + sensitivity + harmonicSmooth;
  if (predicted === 0 || truly === 0 || both === 0) return { value: 0, partials };
  const ofPrecision = (-2 * sensitivity * (sensitivity + harmonicSmooth)) / both ** 2;
  const ofSensitivity = (-2 * precision * (precision + harmonicSmooth)) / both ** 2;
  partials[OVERLAP] = ofPrecision / predicted;
  partials[PREDICTED] = (-ofPrecision * precision) / predicted;
  partials[COVERED] = ofSensitivity / truly;
  return { value: 1 - (2 * precision * sensitivity) / both, partials };
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
      allSums: false,
      distances: undefined,
      score: (sums) => score(sums, smooth, harmonicSmooth),
    };
    const { samples, channels } = call;
    const { kept } = classes;
    const grid = gridOf(common.name, call.shape, common.dataFormat);
    const data = elementsOf(call, activation, common, 'probabilities');
    const found = Array.from({ length: samples }, () => new Float64Array(ROWS * channels));
    eachPlane(call, kept, grid, data, undefined, (plane, { sample, k }) => {
      plane.clDiceSums(iterations).forEach((sum, i) => {
        (found[sample] as Float64Array)[(PLACES[i] ?? 0) * channels + k] = sum;
      });
    });
    const rows = regionRows(call, term, found);
    const result = regionResult(term, classes, rows);
    const { value, losses, perRow, partials } = result;
    const [batch, macro] = [term.aggregate === 'batch', term.average === 'macro'];
    const counted = new Set(kept);
    const scale = (sample: number, k: number): number =>
      counted.has(k) ? (batch ? (call.sampleWeights?.[sample] ?? 1) : 1) : 0;
    let sloped = false;
    return {
      value,
      get gradient() {
        if (!sloped) {
          eachPlane(call, kept, grid, data, undefined, (plane, part) => {
            const row = batch ? 0 : part.sample;
            const of = (place: number): number => partials[(row * ROWS + place) * channels + part.k] ?? 0;
            plane.clDiceSlopes(iterations, of(OVERLAP), of(PREDICTED), of(COVERED));
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
