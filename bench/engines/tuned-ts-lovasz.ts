/**
 * The Lovász-softmax loss of `tuned-ts`: each class sorts one Float64Array whose numbers hold the error's bits and, below
 * them, the pixel, so that the engine's own sort of numbers ranks them without a comparator.
 */
import type { Problem } from '../cases.js';

/** The bits of an error in [0, 1] and so many for the pixel fit an integer of a double. */
const PIXELS = 2 ** 23;

/** Probabilities, by strides so that both layouts are one code. */
function softmax({ pred, channels, pixels, channelsLast }: Problem, sample: number, p: Float32Array): void {
  const [pixel, channel] = channelsLast ? [channels, 1] : [1, pixels];
  for (let i = 0, base = sample * pixels * channels; i < pixels; i++, base += pixel) {
    let max = -Infinity;
    for (let k = 0, j = base; k < channels; k++, j += channel) max = Math.max(max, pred[j]!);
    let total = 0;
    for (let k = 0, j = base; k < channels; k++, j += channel) total += p[j] = Math.exp(pred[j]! - max);
    for (let k = 0, j = base; k < channels; k++, j += channel) p[j]! /= total;
  }
}

/** The mean over the classes that are present, then over samples; first the probabilities into `p`, then ∂L/∂p of each. */
export function lovaszSoftmax(problem: Problem, out: Float32Array | undefined): number {
  const { target, samples, channels, pixels, channelsLast } = problem;
  const [pixel, channel] = channelsLast ? [channels, 1] : [1, pixels];
  const p = new Float32Array(pixels * channels * samples);
  const slopes = out && new Float32Array(pixels * channels);
  const keys = new Float64Array(pixels);
  const error = new Float32Array(1);
  const bits = new Uint32Array(error.buffer);
  let value = 0;
  for (let sample = 0; sample < samples; sample++) {
    const [first, labels] = [sample * pixels * channels, sample * pixels];
    softmax(problem, sample, p);
    const sizes = new Uint32Array(channels);
    for (let i = 0; i < pixels; i++) sizes[target[labels + i]!]!++;
    const share = 1 / samples / sizes.reduce((present, size) => present + Number(size > 0), 0);
    slopes?.fill(0);
    for (let k = 0; k < channels; k++) {
      const size = sizes[k]!;
      if (size === 0) continue;
      for (let i = 0, j = first + k * channel; i < pixels; i++, j += pixel) {
        error[0] = target[labels + i] === k ? 1 - p[j]! : p[j]!;
        // Negative, for the largest error to come first; of equal ones the first pixel.
        keys[i] = i - bits[0]! * PIXELS;
      }
      keys.sort();
      let [inside, union, before] = [size, size, 0];
      for (let rank = 0; rank < pixels; rank++) {
        const key = keys[rank]!;
        const i = ((key % PIXELS) + PIXELS) % PIXELS;
        bits[0] = (i - key) / PIXELS;
        const own = target[labels + i] === k;
        if (own) inside--;
        else union++;
        const jaccard = 1 - inside / union;
        value += share * error[0]! * (jaccard - before);
        if (slopes) slopes[i * pixel + k * channel] = share * (own ? before - jaccard : jaccard - before);
        before = jaccard;
      }
    }
    if (!out || !slopes) continue;
    for (let i = 0, base = 0; i < pixels; i++, base += pixel) {
      let mean = 0;
      for (let k = 0, j = base; k < channels; k++, j += channel) mean += p[first + j]! * slopes[j]!;
      for (let k = 0, j = base; k < channels; k++, j += channel) {
        out[first + j] = p[first + j]! * (slopes[j]! - mean);
      }
    }
  }
  return value;
}
