/** `specialised-ts` for many classes, channels first: class after class over blocks of pixels that stay in the L1 cache. */
import type { Problem } from '../cases.js';

const SMOOTH = 1e-5;
const BLOCK = 128;

/** The mean over classes of Dice, per sample, plus the cross-entropy. */
export function diceCrossEntropyN(problem: Problem, out: Float32Array | undefined): number {
  const { pred, target, samples, channels, pixels } = problem;
  const scale = 1 / target.length;
  const max = new Float64Array(BLOCK);
  const total = new Float64Array(BLOCK);
  const mean = new Float64Array(BLOCK);
  const block = new Float64Array(BLOCK * channels);
  const overlap = new Float64Array(channels);
  const predicted = new Float64Array(channels);
  const foreground = new Float64Array(channels);
  const constant = new Float64Array(channels);
  const perTarget = new Float64Array(channels);
  let value = 0;
  let sum = 0;
  for (let start = 0; start < target.length; start += pixels) {
    overlap.fill(0);
    predicted.fill(0);
    foreground.fill(0);
    for (let first = 0; first < pixels; first += BLOCK) {
      const count = Math.min(BLOCK, pixels - first);
      const labels = start + first;
      const base = start * channels + first;
      max.fill(-Infinity);
      total.fill(0);
      for (let k = 0, j = base; k < channels; k++, j += pixels) {
        for (let i = 0; i < count; i++) max[i] = Math.max(max[i]!, pred[j + i]!);
      }
      for (let k = 0, j = base; k < channels; k++, j += pixels) {
        const at = k * BLOCK;
        for (let i = 0; i < count; i++) {
          const e = Math.exp(pred[j + i]! - max[i]!);
          total[i]! += e;
          block[at + i] = e;
        }
      }
      for (let i = 0; i < count; i++) {
        const label = target[labels + i]!;
        sum += max[i]! - pred[base + pixels * label + i]! + Math.log(total[i]!);
        total[i] = 1 / total[i]!;
        foreground[label]!++;
        overlap[label]! += block[label * BLOCK + i]! * total[i]!;
      }
      for (let k = 0, j = base; k < channels; k++, j += pixels) {
        const at = k * BLOCK;
        let mass = 0;
        for (let i = 0; i < count; i++) {
          const p = block[at + i]! * total[i]!;
          mass += p;
          if (out) out[j + i] = p;
        }
        predicted[k]! += mass;
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
    for (let first = 0; first < pixels; first += BLOCK) {
      const count = Math.min(BLOCK, pixels - first);
      const labels = start + first;
      const base = start * channels + first;
      for (let i = 0; i < count; i++) {
        const label = target[labels + i]!;
        total[i] = out[base + pixels * label + i]! * perTarget[label]!;
        mean[i] = total[i]! - scale;
      }
      for (let k = 0, j = base; k < channels; k++, j += pixels) {
        const c = constant[k]!;
        for (let i = 0; i < count; i++) mean[i]! += out[j + i]! * c;
      }
      for (let k = 0, j = base; k < channels; k++, j += pixels) {
        const c = constant[k]!;
        for (let i = 0; i < count; i++) out[j + i] = out[j + i]! * (c - mean[i]!);
      }
      for (let i = 0; i < count; i++) {
        const own = base + pixels * target[labels + i]! + i;
        out[own]! += total[i]! - scale;
      }
    }
  }
  return value + sum * scale;
}
