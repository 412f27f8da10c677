/** Losses that are a mean over elements, each weighed by a distance. */
import { type CheckedCall, sampleWeight, unweighted } from '../check/call.js';
import { entropyTerm } from '../family/entropy.js';
import type { LossPlane } from '../geometry.js';
import { countPass, runPass } from '../pass.js';
import { makeGroup } from '../plan.js';
import type { Classes, Common, Whole, WholeTerm } from '../term.js';
import type { Activation } from '../types.js';
import { type DistanceOptions, eachPlane, elementsOf, gridOf, type Part, scatter } from './planes.js';

interface Rule extends DistanceOptions {
  /** What the sum is of. */
  readonly of: 'probabilities' | 'residuals';
  /** The loss is ln(1 + L). */
  readonly logarithmic: boolean;
  /** The sum of a plane whose distances are known; leaves its summands or its slopes. */
  sum(plane: LossPlane, spacing: readonly number[], terms: boolean): number;
}

/** How many elements of the classes that count do; checks target, mask and weights. */
function countElements(call: CheckedCall, classes: Classes, activation: Activation, common: Common): number {
  const term = entropyTerm({ ...common, reduction: 'mean' }, {}, classes, activation, 0);
  const count = countPass(call, makeGroup(activation, common.ignoreIndex, [{ term, classes, index: 0 }]));
  runPass(count);
  const counted = count.sums.pixel[0]?.divisor ?? 0;
  return activation === 'softmax' ? counted * classes.kept.length : counted;
}

export function meanOfElements(rule: Rule): WholeTerm['run'] {
  return (call, classes, activation, common): Whole => {
    const grid = gridOf(common.name, call.shape, common.dataFormat, rule.spacing);
    const elements = countElements(call, classes, activation, common);
    const plain = unweighted(call);
    const weightOf = (sample: number, k: number): number =>
      sampleWeight(call, sample) * (classes.weights[k] ?? 1);

    /** The weighted sum, and slopes or terms in the prediction's layout. */
    const pass = (terms: boolean): { sum: number; data: Float32Array } => {
      const data = elementsOf(plain, activation, common, rule.of);
      let sum = 0;
      const visit = (plane: LossPlane, part: Part): void => {
        if (rule.distances === undefined) plane.measure();
        const own = rule.sum(plane, grid.spacing, terms);
        const weight = weightOf(part.sample, part.k);
        // 0 times a loss that is no number is 0.
        if (weight !== 0) sum += weight * own;
        scatter(data, plane.values, part);
      };
      eachPlane(call, classes.kept, grid, data, rule.distances, visit);
      return { sum, data };
    };

    const { sum, data } = pass(false);
    const share = common.reduction === 'sum' ? 1 : elements > 0 ? 1 / elements : 0;
    const mean = share === 0 ? 0 : sum * share;
    const slope = rule.logarithmic ? share / (1 + mean) : share;
    const counted = new Set(classes.kept);
    const scale = (sample: number, k: number): number => (counted.has(k) ? slope * weightOf(sample, k) : 0);
    return {
      value: rule.logarithmic ? Math.log1p(mean) : mean,
      gradient: [{ call: plain, activation, pixel: [], slopes: { data, raw: false, scale } }],
      get unreduced() {
        const { data: terms } = pass(true);
        const { pixels, channels, last } = call;
        return {
          data: terms.map((term, at) => {
            const inside = at % (pixels * channels);
            const k = last ? inside % channels : Math.floor(inside / pixels);
            const weight = counted.has(k) ? weightOf(Math.floor(at / (pixels * channels)), k) : 0;
            return weight === 0 ? 0 : weight * term;
          }),
          shape: [...call.shape],
        };
      },
    };
  };
}
