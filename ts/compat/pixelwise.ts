/**
 * Pixel losses of peers that no kernel has, in f64: probabilities cut and made to sum to 1 as Keras does it, and the
 * focal loss of a soft label as Keras and optax have it. Exact where a peer's own numbers hang on the cut, at the price
 * of several times the kernels' time.
 */
import { type CheckedCall, refuseProbability, sampleWeight, spatialOf } from '../check/call.js';
import { entropyTerm } from '../family/entropy.js';
import { countPass, runPass } from '../pass.js';
import { makeGroup } from '../plan.js';
import { type Classes, type Common, keptClasses, type WholeTerm } from '../term.js';
import type { Activation } from '../types.js';
import type { Found } from './settled.js';

/** How far outside [0, 1] a probability may be through rounding. */
const SLACK = 1e-6;

/** The numbers of one pixel, one a class: what it holds, and what is to be written. */
export interface Pixel {
  /** Logits or probabilities. */
  readonly x: Float64Array;
  readonly g: Float64Array;
  readonly losses: Float64Array;
  /** Derivatives of `losses[k]`'s sum by x. */
  readonly slopes: Float64Array;
}

type Planes = [Float64Array, Float64Array, Float64Array, Float64Array];

interface Rule {
  readonly activation: Activation;
  readonly reduction: 'mean' | 'sum';
  /** Whether the mean divides by the weights instead of by what is valid. */
  readonly byWeights: boolean;
  /** Whether a pixel's loss is the sum of its classes', their mean, or each is a loss of its own. */
  readonly of: 'sum' | 'mean' | 'elements';
  readonly formula: (pixel: Pixel) => void;
}

/** Throws for a target, mask or weights that are not what they should be. */
function checkTruth(call: CheckedCall, common: Common, activation: Activation): void {
  const classes: Classes = {
    channels: call.channels,
    kept: keptClasses(common as WholeTerm, call.channels),
    weights: new Array<number>(call.channels).fill(1),
  };
  const counted = { ...common, reduction: 'mean' as const };
  const term = entropyTerm(counted, { normalizer: 'weights' }, classes, activation, 0);
  runPass(countPass(call, makeGroup(activation, common.ignoreIndex, [{ term, classes, index: 0 }])));
}

/** Value, gradient and losses of a formula of single pixels. */
export function pixelwise(call: CheckedCall, common: Common, rule: Rule): Found {
  const { samples, channels, pixels, pred, target, mask, pixelWeights, elementWeights } = call;
  const { formula } = rule;
  const given = rule.activation === 'none';
  checkTruth(call, common, rule.activation);
  const elements = rule.of === 'elements';
  const share = rule.of === 'mean' ? 1 / channels : 1;
  const perPixel = rule.of === 'sum' ? 1 / channels : 1;
  const [x, g, losses, slopes] = [0, 1, 2, 3].map(() => new Float64Array(channels)) as Planes;
  const pixel: Pixel = { x, g, losses, slopes };
  const grad = new Float32Array(pred.length);
  const data = new Float32Array(elements ? pred.length : samples * pixels);
  // Entries of class k of a pixel lie `step` apart.
  const step = call.last ? 1 : pixels;
  let [sum, valid, mass] = [0, 0, 0];
  for (let b = 0; b < samples; b++) {
    const v = share * sampleWeight(call, b);
    for (let i = 0; i < pixels; i++) {
      const at = b * pixels + i;
      if (mask?.[at] === 0) continue;
      const label = call.dense ? -1 : (target[at] ?? NaN);
      if (!call.dense && label === common.ignoreIndex) continue;
      const first = call.last ? at * channels : b * channels * pixels + i;
      for (let k = 0, index = first; k < channels; k++, index += step) {
        const value = pred[index] as number;
        if (given && (value < -SLACK || value > 1 + SLACK)) refuseProbability(call, index);
        // Infinity is read as the largest float.
        x[k] = given ? Math.min(1, Math.max(0, value)) : Math.min(3.4e38, Math.max(-3.4e38, value));
        g[k] = call.dense ? (target[index] as number) : label === k ? 1 : 0;
      }
      formula(pixel);
      valid += elements ? channels : 1;
      for (let k = 0, index = first; k < channels; k++, index += step) {
        const w = pixelWeights ? v * (pixelWeights[elementWeights ? index : at] as number) : v;
        const loss = w === 0 ? 0 : w * (losses[k] as number);
        sum += loss;
        mass += perPixel * w;
        if (elements) data[index] = loss;
        else data[at] = (data[at] as number) + loss;
        grad[index] = w === 0 ? 0 : w * (slopes[k] as number);
      }
    }
  }
  const divisor = rule.reduction === 'sum' ? 1 : rule.byWeights ? mass : valid;
  const scale = divisor > 0 ? 1 / divisor : 0;
  for (let i = 0; i < grad.length; i++) grad[i] = scale === 0 ? 0 : scale * (grad[i] as number);
  const { shape } = call;
  const spatial = spatialOf(shape, common.dataFormat === 'channelsLast');
  return {
    value: scale === 0 ? 0 : sum * scale,
    grad,
    unreduced: { data, shape: elements ? [...shape] : [samples, ...spatial] },
  };
}

/** ln(1 + e^z). */
const softplus = (z: number): number => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

/** x^γ's derivative, which a γ below 1 has none of at 0. */
const powerSlope = (x: number, gamma: number): number =>
  gamma === 0 || x === 0 ? Number(gamma === 1) : gamma * x ** (gamma - 1);

interface BinaryFocal {
  readonly gamma: number;
  /** Weight of positives; `undefined`: none. */
  readonly alpha: number | undefined;
  /** What probabilities are cut at inside the logarithms. */
  readonly epsilon: number;
  readonly smoothing: number;
}

/**
 * W·m^γ·BCE with m = g(1−p) + (1−g)p and W = αg + (1−α)(1−g): of a soft label the products of the expected factors, not
 * the sum of the positive's and the negative's focal losses.
 */
export function binaryFocal(
  { gamma, alpha, epsilon, smoothing }: BinaryFocal,
  logits: boolean,
): Rule['formula'] {
  const cut = epsilon > 0;
  const log = (r: number): number => -Math.log(Math.min(1 - epsilon, Math.max(epsilon, r)));
  return ({ x, g, losses, slopes }) => {
    for (let k = 0; k < x.length; k++) {
      const value = x[k] as number;
      // Both without cancellation.
      const p = logits ? 1 / (1 + Math.exp(-value)) : value;
      const q = logits ? 1 / (1 + Math.exp(value)) : 1 - value;
      const t = (g[k] as number) * (1 - smoothing) + smoothing / 2;
      const yes = t === 0 ? 0 : t * (cut ? log(p) : softplus(-value));
      const no = t === 1 ? 0 : (1 - t) * (cut ? log(q) : softplus(value));
      const entropy = yes + no;
      const pull = !cut || (p >= epsilon && q >= epsilon) ? (1 - t) * p - t * q : 0;
      if (gamma === 0 && alpha === undefined) {
        losses[k] = entropy;
        slopes[k] = logits || pull === 0 ? pull : pull / (p * q);
        continue;
      }
      const m = t * q + (1 - t) * p;
      const factor = m ** gamma;
      const weight = alpha === undefined ? 1 : alpha * t + (1 - alpha) * (1 - t);
      losses[k] = weight * factor * entropy;
      // By z; by p it is over pq, which the cut keeps from 0 wherever the entropy has a slope.
      const bend = powerSlope(m, gamma) * (1 - 2 * t) * entropy;
      const drawn = factor * pull;
      slopes[k] = weight * (logits ? bend * p * q + drawn : bend + (pull === 0 ? 0 : drawn / (p * q)));
    }
  };
}

interface CategoricalFocal {
  readonly gamma: number;
  /** Weight of each class, or one for all. */
  readonly alpha: number | readonly number[];
  readonly epsilon: number;
  readonly smoothing: number;
}

/** −Σ_k α_k g_k (1−o_k)^γ ln o_k, o the probabilities of a pixel over their sum, cut at ε and 1 − ε. */
export function categoricalFocal(
  { gamma, alpha, epsilon, smoothing }: CategoricalFocal,
  logits: boolean,
): Rule['formula'] {
  const plain = gamma === 0 && alpha === 1;
  return ({ x, g, losses, slopes }) => {
    const classes = x.length;
    let top = -Infinity;
    if (logits) for (let k = 0; k < classes; k++) top = Math.max(top, x[k] as number);
    let total = 0;
    for (let k = 0; k < classes; k++) {
      if (logits) x[k] = Math.exp((x[k] as number) - top);
      total += x[k] as number;
    }
    let mean = 0;
    for (let k = 0; k < classes; k++) {
      const v = (x[k] as number) / total;
      const t = (g[k] as number) * (1 - smoothing) + smoothing / classes;
      losses[k] = slopes[k] = 0;
      // A NaN stays one, of whatever class it is.
      if (t === 0 && v === v) continue;
      const o = Math.min(1 - epsilon, Math.max(epsilon, v));
      const of = Math.log(o);
      const factor = plain ? 1 : (1 - o) ** gamma;
      const weight = t * (typeof alpha === 'number' ? alpha : (alpha[k] ?? NaN));
      losses[k] = -weight * factor * of;
      if (o !== v && v === v) continue;
      const bend = plain ? 0 : powerSlope(1 - o, gamma) * of;
      const slope = weight * (bend - factor / o);
      slopes[k] = slope;
      mean += slope * v;
    }
    // By the logit v_k(s_k − Σ s v); by the probability the same over p_k, whose v_k is p_k/Σp.
    for (let k = 0; k < classes; k++) {
      slopes[k] = ((slopes[k] as number) - mean) * (logits ? (x[k] as number) / total : 1 / total);
    }
  };
}
