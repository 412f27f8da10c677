/**
 * The softmax losses of `tuned-ts`: pixel after pixel, its classes by strides so that both layouts are one code.
 *
 * Slower (Node 20, ns a pixel of cross-entropy + gradient): class after class over blocks of 128 pixels, 118 at four
 * classes and 444 at 21, for 88 and 425; exponentials kept in `out` instead of a small f64 array, 89 and 516.
 */
import type { Problem } from '../cases.js';

const SMOOTH = 1e-5;

/** Class k of pixel i of a sample lies at i·pixel + k·channel. */
function strides({ channelsLast, channels, pixels }: Problem): { pixel: number; channel: number } {
  return channelsLast ? { pixel: channels, channel: 1 } : { pixel: 1, channel: pixels };
}

/** Loss max − z_own + ln Σ exp(z − max), gradient p − g. */
export function crossEntropy(problem: Problem, out: Float32Array | undefined): number {
  const { pred, target, samples, channels, pixels } = problem;
  const { pixel, channel } = strides(problem);
  const scale = 1 / target.length;
  const exps = new Float64Array(channels);
  let sum = 0;
  for (let sample = 0, i = 0; sample < samples; sample++) {
    for (let n = 0, base = sample * pixels * channels; n < pixels; n++, i++, base += pixel) {
      let max = -Infinity;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const z = pred[j]!;
        if (z > max) max = z;
      }
      let total = 0;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const e = Math.exp(pred[j]! - max);
        exps[k] = e;
        total += e;
      }
      const own = base + channel * target[i]!;
      sum += max - pred[own]! + Math.log(total);
      if (!out) continue;
      const r = scale / total;
      for (let k = 0, j = base; k < channels; k++, j += channel) out[j] = exps[k]! * r;
      out[own]! -= scale;
    }
  }
  return sum * scale;
}

/** With p the probability of the true class: loss −(1−p)² ln p, and (2p(1−p) ln p − (1−p)²)(δ − p_k) for each logit. */
export function softmaxFocal(problem: Problem, out: Float32Array | undefined): number {
  const { pred, target, samples, channels, pixels } = problem;
  const { pixel, channel } = strides(problem);
  const scale = 1 / target.length;
  const exps = new Float64Array(channels);
  let sum = 0;
  for (let sample = 0, i = 0; sample < samples; sample++) {
    for (let n = 0, base = sample * pixels * channels; n < pixels; n++, i++, base += pixel) {
      let max = -Infinity;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const z = pred[j]!;
        if (z > max) max = z;
      }
      let total = 0;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const e = Math.exp(pred[j]! - max);
        exps[k] = e;
        total += e;
      }
      const label = target[i]!;
      const own = base + channel * label;
      const log = pred[own]! - max - Math.log(total);
      const p = exps[label]! / total;
      const q = 1 - p;
      sum -= q * q * log;
      if (!out) continue;
      const slope = scale * q * (2 * p * log - q);
      const r = -slope / total;
      for (let k = 0, j = base; k < channels; k++, j += channel) out[j] = exps[k]! * r;
      out[own]! += slope;
    }
  }
  return sum * scale;
}

/** The mean over classes of Dice, per sample. */
export function softmaxDice(problem: Problem, out: Float32Array | undefined): number {
  return diceAndMore(problem, out, 0);
}

export function diceCrossEntropy(problem: Problem, out: Float32Array | undefined): number {
  return diceAndMore(problem, out, 1);
}

/**
 * Dice plus `weight` times the cross-entropy: the probabilities into `out` and three sums a class, then the gradient in
 * their place.
 */
function diceAndMore(problem: Problem, out: Float32Array | undefined, weight: number): number {
  const { pred, target, samples, channels, pixels } = problem;
  const { pixel, channel } = strides(problem);
  const scale = weight / target.length;
  const perClass = (): Float64Array => new Float64Array(channels);
  const [exps, overlap, predicted, foreground] = [perClass(), perClass(), perClass(), perClass()];
  const [constant, perTarget] = [perClass(), perClass()];
  let value = 0;
  let sum = 0;
  for (let sample = 0; sample < samples; sample++) {
    const first = sample * pixels * channels;
    const labels = sample * pixels;
    overlap.fill(0);
    predicted.fill(0);
    foreground.fill(0);
    for (let i = 0, base = first; i < pixels; i++, base += pixel) {
      let max = -Infinity;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const z = pred[j]!;
        if (z > max) max = z;
      }
      let total = 0;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const e = Math.exp(pred[j]! - max);
        exps[k] = e;
        total += e;
      }
      const label = target[labels + i]!;
      if (weight !== 0) sum += max - pred[base + channel * label]! + Math.log(total);
      const r = 1 / total;
      foreground[label]!++;
      overlap[label]! += exps[label]! * r;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        const p = exps[k]! * r;
        predicted[k]! += p;
        if (out) out[j] = p;
      }
    }
    for (let k = 0; k < channels; k++) {
      const numerator = 2 * overlap[k]! + SMOOTH;
      const denominator = predicted[k]! + foreground[k]! + SMOOTH;
      value += (1 - numerator / denominator) / channels / samples;
      constant[k] = numerator / denominator ** 2 / channels / samples;
      perTarget[k] = -2 / denominator / channels / samples;
    }
    if (!out) continue;
    for (let i = 0, base = first; i < pixels; i++, base += pixel) {
      const label = target[labels + i]!;
      const own = base + channel * label;
      const ownPart = out[own]! * perTarget[label]!;
      // Σ p_k u_k of the softmax chain, less the scale by which cross-entropy's p_k is multiplied.
      let mean = ownPart - scale;
      for (let k = 0, j = base; k < channels; k++, j += channel) mean += out[j]! * constant[k]!;
      for (let k = 0, j = base; k < channels; k++, j += channel) out[j] = out[j]! * (constant[k]! - mean);
      out[own]! += ownPart - scale;
    }
  }
  return value + sum * scale;
}
