/**
 * Checks what comes with a call: kinds, shape, lengths, ranges. What passes is an invariant of the passes.
 */
import { ShapeError } from '../errors.js';
import type { LossCall, Prediction, Target } from '../types.js';
import { denseHint, labelHint, lengthHint, pictureHint, predictionHint } from './hints.js';
import { FLOAT, KINDS } from './kinds.js';
import { checkNames } from './nearest.js';
import { show } from './options.js';

const PREDICTIONS = ['Float32Array', 'Float64Array', 'Float16Array'];
export const CALL_NAMES = ['shape', 'mask', 'pixelWeights', 'sampleWeights', 'upstream', 'sample', 'out'];
const MOST_CHANNELS = 65_536;

/** A call that passed. */
export interface CheckedCall {
  readonly shape: readonly number[];
  readonly samples: number;
  readonly channels: number;
  /** Pixels of one sample. */
  readonly pixels: number;
  /** Whether channels are interleaved. */
  readonly last: boolean;
  /** How many pixels of a channel lie together: 1 where channels are interleaved; 0: all of a sample. */
  readonly run: number;
  /** How many samples the core takes at once, each with sums of its own. */
  readonly together: number;
  readonly pred: Prediction;
  readonly target: Target;
  /** Entry type of the target. */
  readonly kind: number;
  /** Whether the target has one entry for each of the prediction's. */
  readonly dense: boolean;
  readonly mask: ArrayLike<number> | undefined;
  readonly pixelWeights: Float32Array | Float64Array | undefined;
  /** Whether the pixel weights have the prediction's own shape. */
  readonly elementWeights: boolean;
  readonly sampleWeights: ArrayLike<number> | undefined;
  readonly upstream: number;
  readonly firstSample: number;
  readonly out: Float32Array | undefined;
  readonly aliased: boolean;
}

/** What multiplies a sample. */
export const sampleWeight = ({ sampleWeights }: Pick<CheckedCall, 'sampleWeights'>, sample: number): number =>
  sampleWeights?.[sample] ?? 1;

/** The call without pixel weights: which elements count, not how much. */
export const unweighted = (call: CheckedCall): CheckedCall => ({
  ...call,
  pixelWeights: undefined,
  elementWeights: false,
});

/** The spatial part of a shape. */
export const spatialOf = (shape: readonly number[], last: boolean): readonly number[] =>
  last ? shape.slice(1, -1) : shape.slice(2);

/** Where the caller's array has channel k of a sample's pixel i. */
export function placeOf(
  { channels, pixels, last }: Pick<CheckedCall, 'channels' | 'pixels' | 'last'>,
  sample: number,
  i: number,
  k: number,
): number {
  return last ? (sample * pixels + i) * channels + k : (sample * channels + k) * pixels + i;
}

/** The name of a typed array's type, whatever realm it is from. */
export function typeName(value: unknown): string {
  return ArrayBuffer.isView(value)
    ? String((value as unknown as Record<symbol, unknown>)[Symbol.toStringTag])
    : '';
}

interface Sizes {
  readonly samples: number;
  readonly channels: number;
  readonly pixels: number;
  readonly shape: readonly number[];
  /** Whether its last entry is the channels. */
  readonly last: boolean;
}

function checkShape(shape: unknown, last: boolean): Sizes {
  if (!Array.isArray(shape)) {
    throw new TypeError(`"shape" expected an array of integers, the prediction's shape, got ${show(shape)}`);
  }
  const layout = last ? '[N, ...spatial, C]' : '[N, C, ...spatial]';
  if (shape.length < 2) {
    throw new ShapeError('shape', `${layout} with at least 2 entries`, show(shape));
  }
  let total = 1;
  for (let i = 0; i < shape.length; i++) {
    const size: unknown = shape[i];
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) {
      throw new ShapeError('shape', `${layout}, each an integer ≥ 0`, show(shape));
    }
    total *= size;
  }
  const sizes = shape as number[];
  const samples = sizes[0] ?? 0;
  const channels = sizes[last ? sizes.length - 1 : 1] ?? 0;
  if (channels > MOST_CHANNELS) {
    throw new RangeError(`"shape" expected at most ${MOST_CHANNELS} channels, got ${channels}`);
  }
  const pixels = total === 0 ? 0 : total / samples / channels;
  return { samples, channels, pixels, shape: sizes, last };
}

export const product = (...factors: number[]): string =>
  `${factors.reduce((a, b) => a * b, 1)} (${factors.join('·')})`;

/** One entry a pixel, and one an entry of the prediction, written as products. */
function perPixel({ samples, shape, last }: Omit<Sizes, 'channels'>): string {
  return product(samples, ...spatialOf(shape, last));
}
function perElement(sizes: Sizes): string {
  const { samples, channels, shape, last } = sizes;
  return channels === 1 ? perPixel(sizes) : product(samples, channels, ...spatialOf(shape, last));
}

/** Whether a view shares memory with `view`, whose buffer is given since to ask for it takes long. */
function overlaps(view: ArrayBufferView, buffer: ArrayBufferLike, other: unknown): boolean {
  if (other === undefined || !ArrayBuffer.isView(other) || other.buffer !== buffer) return false;
  const [from, to] = [other.byteOffset, other.byteOffset + other.byteLength];
  return view.byteOffset < to && from < view.byteOffset + view.byteLength;
}

/** Checks `out`; whether it is the prediction itself. */
function checkOut(
  out: Float32Array | undefined,
  pred: Prediction,
  target: Target,
  { mask, pixelWeights, sampleWeights }: Pick<LossCall, 'mask' | 'pixelWeights' | 'sampleWeights'>,
): boolean {
  if (out === undefined) return false;
  if (typeName(out) !== 'Float32Array') {
    throw new TypeError(`"out" expected a Float32Array, got ${describeKind(out)}`);
  }
  if (out.length !== pred.length) {
    throw new ShapeError('out', `length ${pred.length}, the prediction's`, String(out.length));
  }
  if (out.length === 0) return false;
  const { buffer } = out;
  const refuse = (name: string): never => {
    throw new RangeError(`"out" shares memory with "${name}"; only the prediction may`);
  };
  if (overlaps(out, buffer, target)) refuse('target');
  if (overlaps(out, buffer, mask)) refuse('mask');
  if (overlaps(out, buffer, pixelWeights)) refuse('pixelWeights');
  if (overlaps(out, buffer, sampleWeights)) refuse('sampleWeights');
  if (!overlaps(out, buffer, pred)) return false;
  const same = typeName(pred) === 'Float32Array' && out.byteOffset === pred.byteOffset;
  if (same) return true;
  throw new RangeError('"out" overlaps "pred" in part; it may be the very same view or apart from it');
}

export function describeKind(value: unknown): string {
  if (Array.isArray(value)) return 'a plain array';
  return typeName(value) || show(value);
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return typeof value === 'object' && value !== null && 'length' in value && typeof value.length === 'number';
}

export function checkMask(mask: unknown, sizes: Omit<Sizes, 'channels'>): ArrayLike<number> | undefined {
  if (mask === undefined) return undefined;
  if (!isArrayLike(mask)) {
    throw new TypeError(`"mask" expected an array of numbers, one a pixel, got ${show(mask)}`);
  }
  if (mask.length !== sizes.samples * sizes.pixels) {
    const expected = `length ${perPixel(sizes)}, one entry a pixel`;
    const hint = pictureHint(mask.length, sizes.samples * sizes.pixels);
    throw new ShapeError('mask', expected, String(mask.length), hint);
  }
  return typeName(mask) in KINDS ? (mask as ArrayLike<number>) : Float32Array.from(mask as ArrayLike<number>);
}

function checkPixelWeights(weights: unknown, sizes: Sizes): boolean {
  if (weights === undefined) return false;
  const type = typeName(weights);
  if (type !== 'Float32Array' && type !== 'Float64Array') {
    throw new TypeError(
      `"pixelWeights" expected a Float32Array or Float64Array, got ${describeKind(weights)}`,
    );
  }
  const { length } = weights as Float32Array;
  const { samples, channels, pixels } = sizes;
  if (length !== samples * pixels && length !== samples * channels * pixels) {
    const expected = `length ${perPixel(sizes)}${channels === 1 ? '' : ` or ${perElement(sizes)}`}`;
    throw new ShapeError('pixelWeights', expected, String(length));
  }
  return channels > 1 && length === samples * channels * pixels;
}

function checkSampleWeights(weights: unknown, samples: number): void {
  if (weights === undefined) return;
  if (!isArrayLike(weights)) {
    throw new TypeError(`"sampleWeights" expected an array of numbers, one a sample, got ${show(weights)}`);
  }
  if (weights.length !== samples) {
    throw new ShapeError('sampleWeights', `length ${samples}, one a sample`, String(weights.length));
  }
  for (let b = 0; b < samples; b++) {
    const v = weights[b];
    if (typeof v !== 'number' || !Number.isFinite(v) || v < 0) {
      throw new RangeError(`"sampleWeights" expected finite numbers ≥ 0, got ${show(v)} at index ${b}`);
    }
  }
}

/**
 * `parts`: whether the call may name its first sample (`accumulate` and `gradFrom`).
 */
export function checkCall(
  pred: Prediction,
  target: Target,
  call: LossCall,
  last: boolean,
  parts: boolean,
): CheckedCall {
  if (typeof call !== 'object' || (call as unknown) === null) {
    throw new TypeError(
      `"call" expected an object such as { shape: [N, C, height, width] }, got ${show(call)}`,
    );
  }
  checkNames(call, CALL_NAMES, '"call"');
  if (!PREDICTIONS.includes(typeName(pred))) {
    throw new TypeError(
      `"pred" expected a Float32Array, Float64Array or Float16Array, got ${describeKind(pred)}` +
        (typeName(pred) in KINDS && PREDICTIONS.includes(typeName(target))
          ? '; "pred" and "target" exchanged? the prediction comes first'
          : ''),
    );
  }
  const kind = KINDS[typeName(target)];
  if (kind === undefined) {
    const accepted = Object.keys(KINDS).join(', ');
    throw new TypeError(`"target" expected a typed array (${accepted}), got ${describeKind(target)}`);
  }
  const sizes = checkShape(call.shape, last);
  const { samples, channels, pixels } = sizes;
  if (pred.length !== samples * channels * pixels) {
    const expected = `length ${perElement(sizes)}, the product of shape`;
    throw new ShapeError('pred', expected, String(pred.length), predictionHint(pred.length, sizes));
  }
  // Without a pixel the two coincide; neither says anything then.
  const dense = channels === 1 || target.length !== samples * pixels;
  if (target.length !== samples * pixels && target.length !== samples * channels * pixels) {
    const expected = `length ${perPixel(sizes)}${channels === 1 ? '' : ` or ${perElement(sizes)}`}`;
    const hint = lengthHint(target.length, sizes, call.shape, last);
    throw new ShapeError('target', expected, String(target.length), hint);
  }
  const { mask, pixelWeights, sampleWeights, upstream = 1, sample, out } = call;
  if (typeof upstream !== 'number') {
    throw new TypeError(`"upstream" expected a finite number, got ${show(upstream)}`);
  }
  if (!Number.isFinite(upstream))
    throw new RangeError(`"upstream" expected a finite number, got ${upstream}`);
  if (sample !== undefined) {
    if (!parts) throw new RangeError('"sample" is for accumulate and gradFrom only');
    if (typeof sample !== 'number')
      throw new TypeError(`"sample" expected an integer ≥ 0, got ${show(sample)}`);
    if (!Number.isInteger(sample) || sample < 0) {
      throw new RangeError(`"sample" expected an integer ≥ 0, got ${sample}`);
    }
  }
  const elementWeights = checkPixelWeights(pixelWeights, sizes);
  checkSampleWeights(sampleWeights, samples);
  return {
    shape: call.shape,
    samples,
    channels,
    pixels,
    last: last && channels > 1,
    run: last && channels > 1 ? 1 : 0,
    together: 1,
    pred,
    target,
    kind,
    dense,
    mask: checkMask(mask, sizes),
    pixelWeights,
    elementWeights,
    sampleWeights,
    upstream,
    firstSample: sample ?? 0,
    out,
    aliased: checkOut(out, pred, target, { mask, pixelWeights, sampleWeights }),
  };
}

/** Throws for the entry of the target at `index`, which the core found wanting. */
export function refuseTarget(call: CheckedCall, index: number): never {
  const value = call.target[index] ?? NaN;
  if (call.dense && call.kind === FLOAT) {
    const hint = denseHint(value, call.channels, false);
    throw new RangeError(
      `"target" expected values in [0, 1], got ${value} at index ${index}${hint && `; ${hint}`}`,
    );
  }
  const highest = call.dense ? 1 : call.channels - 1;
  const hints = [value === 255 ? 'set ignoreIndex: 255 if it marks pixels to leave out' : ''];
  if (value === 255 && call.channels === 1) hints.push('or divide by 255 if it marks the foreground');
  else if (call.dense) hints.push(denseHint(value, call.channels, true));
  if (call.kind === FLOAT && !Number.isInteger(value))
    hints.push('a label map holds class indices', labelHint(value));
  const hint = hints.filter(Boolean).join(', ');
  throw new RangeError(
    `"target" expected labels 0…${highest}, got ${value} at index ${index}${hint && `; ${hint}`}`,
  );
}

/** The same where a set of pixels is ranked. */
export function refuseSoftTarget(call: CheckedCall, index: number): never {
  throw new RangeError(
    `"target" expected 0 or 1, since a set of pixels is ranked, got ${call.target[index]} at index ${index}`,
  );
}

export function refuseProbability(call: CheckedCall, index: number): never {
  throw new RangeError(
    `"pred" expected probabilities in [0, 1] (activation: 'none'), got ${call.pred[index]} at index ${index}; ` +
      `these look like logits, which take activation 'sigmoid' or 'softmax'`,
  );
}

export function refuseWeight(call: CheckedCall, index: number): never {
  const value = call.pixelWeights?.[index];
  throw new RangeError(`"pixelWeights" expected finite numbers ≥ 0, got ${value} at index ${index}`);
}

export function refuseMask(index: number): never {
  throw new RangeError(`"mask" expected numbers, 0 to leave a pixel out, got NaN at index ${index}`);
}
