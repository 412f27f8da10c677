/** `specialised-ts` for four classes: a pixel's channels in locals, addressed by strides so that both layouts are one code. */
import type { Problem } from '../cases.js';

const SMOOTH = 1e-5;
/** The product of sums of four exponentials is turned into a logarithm before it can overflow. */
const FULL = 1e280;

/** Channel k of pixel i lies at i·pixel + k·channel. */
function strides({ channelsLast, pixels }: Problem): { pixel: number; channel: number } {
  return channelsLast ? { pixel: 4, channel: 1 } : { pixel: 1, channel: pixels };
}

function max4(a: number, b: number, c: number, d: number): number {
  return Math.max(Math.max(a, b), Math.max(c, d));
}

export function crossEntropy4(problem: Problem, out: Float32Array | undefined): number {
  const { pred, target, pixels } = problem;
  const { pixel, channel } = strides(problem);
  const scale = 1 / target.length;
  let sum = 0;
  let product = 1;
  for (let start = 0; start < target.length; start += pixels) {
    for (let i = 0, j0 = 4 * start; i < pixels; i++, j0 += pixel) {
      const j1 = j0 + channel;
      const j2 = j1 + channel;
      const j3 = j2 + channel;
      const z0 = pred[j0]!;
      const z1 = pred[j1]!;
      const z2 = pred[j2]!;
      const z3 = pred[j3]!;
      const max = max4(z0, z1, z2, z3);
      const e0 = Math.exp(z0 - max);
      const e1 = Math.exp(z1 - max);
      const e2 = Math.exp(z2 - max);
      const e3 = Math.exp(z3 - max);
      const total = e0 + e1 + (e2 + e3);
      const own = j0 + channel * target[start + i]!;
      sum += max - pred[own]!;
      product *= total;
      if (product > FULL) {
        sum += Math.log(product);
        product = 1;
      }
      if (!out) continue;
      const r = scale / total;
      out[j0] = e0 * r;
      out[j1] = e1 * r;
      out[j2] = e2 * r;
      out[j3] = e3 * r;
      out[own]! -= scale;
    }
  }
  return (sum + Math.log(product)) * scale;
}

/** With p the probability of the true class: loss −(1−p)² ln p, and (2p(1−p) ln p − (1−p)²)(δ − p_k) for each logit. */
export function focal4(problem: Problem, out: Float32Array | undefined): number {
  const { pred, target, pixels } = problem;
  const { pixel, channel } = strides(problem);
  const scale = 1 / target.length;
  let sum = 0;
  for (let start = 0; start < target.length; start += pixels) {
    for (let i = 0, j0 = 4 * start; i < pixels; i++, j0 += pixel) {
      const j1 = j0 + channel;
      const j2 = j1 + channel;
      const j3 = j2 + channel;
      const z0 = pred[j0]!;
      const z1 = pred[j1]!;
      const z2 = pred[j2]!;
      const z3 = pred[j3]!;
      const max = max4(z0, z1, z2, z3);
      const e0 = Math.exp(z0 - max);
      const e1 = Math.exp(z1 - max);
      const e2 = Math.exp(z2 - max);
      const e3 = Math.exp(z3 - max);
      const total = e0 + e1 + (e2 + e3);
      const label = target[start + i]!;
      const own = j0 + channel * label;
      const log = pred[own]! - max - Math.log(total);
      const p = (label < 2 ? (label < 1 ? e0 : e1) : label < 3 ? e2 : e3) / total;
      const q = 1 - p;
      sum -= q * q * log;
      if (!out) continue;
      const slope = scale * q * (2 * p * log - q);
      const r = -slope / total;
      out[j0] = e0 * r;
      out[j1] = e1 * r;
      out[j2] = e2 * r;
      out[j3] = e3 * r;
      out[own]! += slope;
    }
  }
  return sum * scale;
}

export function dice4(problem: Problem, out: Float32Array | undefined): number {
  return dice4AndMore(problem, out, 0);
}

export function diceCrossEntropy4(problem: Problem, out: Float32Array | undefined): number {
  return dice4AndMore(problem, out, 1);
}

/** Dice of four classes, per sample, plus `weight` times the cross-entropy: its logarithm is one product a pixel. */
function dice4AndMore(problem: Problem, out: Float32Array | undefined, weight: number): number {
  const { pred, target, samples, pixels } = problem;
  const { pixel, channel } = strides(problem);
  const scale = weight / target.length;
  const overlap = new Float64Array(4);
  const foreground = new Float64Array(4);
  const constant = new Float64Array(4);
  const perTarget = new Float64Array(4);
  let value = 0;
  let sum = 0;
  let product = 1;
  for (let start = 0; start < target.length; start += pixels) {
    let predicted0 = 0;
    let predicted1 = 0;
    let predicted2 = 0;
    let predicted3 = 0;
    overlap.fill(0);
    foreground.fill(0);
    for (let i = 0, j0 = 4 * start; i < pixels; i++, j0 += pixel) {
      const j1 = j0 + channel;
      const j2 = j1 + channel;
      const j3 = j2 + channel;
      const z0 = pred[j0]!;
      const z1 = pred[j1]!;
      const z2 = pred[j2]!;
      const z3 = pred[j3]!;
      const max = max4(z0, z1, z2, z3);
      const e0 = Math.exp(z0 - max);
      const e1 = Math.exp(z1 - max);
      const e2 = Math.exp(z2 - max);
      const e3 = Math.exp(z3 - max);
      const total = e0 + e1 + (e2 + e3);
      const r = 1 / total;
      const p0 = e0 * r;
      const p1 = e1 * r;
      const p2 = e2 * r;
      const p3 = e3 * r;
      predicted0 += p0;
      predicted1 += p1;
      predicted2 += p2;
      predicted3 += p3;
      const label = target[start + i]!;
      foreground[label]!++;
      overlap[label]! += label < 2 ? (label < 1 ? p0 : p1) : label < 3 ? p2 : p3;
      if (weight !== 0) {
        sum += max - pred[j0 + channel * label]!;
        product *= total;
        if (product > FULL) {
          sum += Math.log(product);
          product = 1;
        }
      }
      if (!out) continue;
      out[j0] = p0;
      out[j1] = p1;
      out[j2] = p2;
      out[j3] = p3;
    }
    const predicted = [predicted0, predicted1, predicted2, predicted3];
    for (let k = 0; k < 4; k++) {
      const numerator = 2 * overlap[k]! + SMOOTH;
      const denominator = predicted[k]! + foreground[k]! + SMOOTH;
      value += (1 - numerator / denominator) / 4 / samples;
      constant[k] = numerator / denominator ** 2 / 4 / samples;
      perTarget[k] = -2 / denominator / 4 / samples;
    }
    if (!out) continue;
    const c0 = constant[0]!;
    const c1 = constant[1]!;
    const c2 = constant[2]!;
    const c3 = constant[3]!;
    for (let i = 0, j0 = 4 * start; i < pixels; i++, j0 += pixel) {
      const j1 = j0 + channel;
      const j2 = j1 + channel;
      const j3 = j2 + channel;
      const p0 = out[j0]!;
      const p1 = out[j1]!;
      const p2 = out[j2]!;
      const p3 = out[j3]!;
      const label = target[start + i]!;
      const own = j0 + channel * label;
      const ownPart = out[own]! * perTarget[label]!;
      // Σ p_k u_k of the softmax chain, less the scale by which cross-entropy's p_k is multiplied.
      const mean = p0 * c0 + p1 * c1 + (p2 * c2 + p3 * c3) + ownPart - scale;
      out[j0] = p0 * (c0 - mean);
      out[j1] = p1 * (c1 - mean);
      out[j2] = p2 * (c2 - mean);
      out[j3] = p3 * (c3 - mean);
      out[own]! += ownPart - scale;
    }
  }
  return value + (sum + Math.log(product)) * scale;
}
