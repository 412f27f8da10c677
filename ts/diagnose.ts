/**
 * A look at the data of a call for mistakes that no check can refuse, since the numbers are valid.
 *
 * @module
 */
import { checkCall, type CheckedCall } from './check/call.js';
import { FLOAT } from './check/kinds.js';
import { show } from './check/options.js';
import { TermLoss } from './loss.js';
import { activationOf, type Common } from './term.js';
import type { Activation, Loss, LossCall, Prediction, Target } from './types.js';

/** What `diagnose` found. */
export interface Finding {
  /**
   * `'doubleActivation'`: the prediction holds probabilities, and the loss makes probabilities of it once more.
   * `'layout'`: channels lie where the other `dataFormat` has them. `'targetSums'`: under softmax, a dense target whose
   * channels do not sum to 1. `'scaledTarget'`: labels times 1/255. `'ignoredForeground'`: every pixel that is not 0 is
   * ignored.
   */
  readonly kind: 'doubleActivation' | 'layout' | 'targetSums' | 'scaledTarget' | 'ignoredForeground';
  /** What was seen, and the fix. */
  readonly text: string;
}

/** Pixels looked at, spread evenly. */
const LOOKED_AT = 4096;

/** Fewer say nothing: a logit of an untrained network may well lie in [0, 1]. */
const FEWEST = 8;

/** The entry of channel k at pixel i of all samples' pixels. */
type Place = (i: number, k: number) => number;

/**
 * Looks for mistakes that give numbers without an error: probabilities given for logits, another layout, scaled masks.
 *
 * Formula: none; some 4096 pixels are looked at, after one call of `value`, which throws what it always throws.
 * Numerics: it tells what the data look like, not what they are. Meant for the first batch of a training, not for each.
 * Errors: `TypeError` for what is no loss of this package; whatever the loss throws.
 *
 * @example
 * ```ts
 * import { crossEntropyLoss } from 'segloss';
 * import { diagnose } from 'segloss/diagnose';
 *
 * const pixels = 16;
 * const softmaxed = Float32Array.from({ length: 2 * pixels }, (_, i) => (i < pixels ? 0.9 : 0.1));
 * const found = diagnose(crossEntropyLoss(), softmaxed, new Uint8Array(pixels), { shape: [1, 2, 4, 4] });
 * found.map(({ kind }) => kind); // => ["doubleActivation"]
 * ```
 */
export function diagnose(loss: Loss, pred: Prediction, target: Target, call: LossCall): Finding[] {
  if (!(loss instanceof TermLoss)) {
    throw new TypeError(`"loss" expected a loss of this package, got ${show(loss)}`);
  }
  loss.value(pred, target, call);
  const terms = loss.terms.map(({ term }) => term);
  const last = terms[0]?.dataFormat === 'channelsLast';
  const checked = checkCall(pred, target, call, last, false);
  const total = checked.samples * checked.pixels;
  if (total < FEWEST) return [];
  const step = Math.max(1, Math.ceil(total / LOOKED_AT));
  const pixels = Array.from({ length: Math.ceil(total / step) }, (_, i) => i * step);
  const activations = new Set(terms.map((term) => activationOf(term, checked.channels)));
  const findings = [
    doubleActivation(checked, pixels, activations),
    sums(checked, pixels, activations),
    scaledTarget(checked, pixels),
    ignoredForeground(checked, pixels, terms),
  ];
  return findings.filter((finding) => finding !== undefined);
}

/** Where entries of this layout lie. */
function placesOf({ channels, pixels }: Pick<CheckedCall, 'channels' | 'pixels'>, last: boolean): Place {
  if (last) return (i, k) => i * channels + k;
  return (i, k) => (Math.floor(i / pixels) * channels + k) * pixels + (i % pixels);
}

function sumsToOne(data: ArrayLike<number>, channels: number, at: Place, pixels: readonly number[]): boolean {
  return pixels.every((i) => {
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += data[at(i, k)] ?? 0;
    return Math.abs(sum - 1) < 1e-3;
  });
}

function doubleActivation(
  call: CheckedCall,
  pixels: readonly number[],
  activations: ReadonlySet<Activation>,
): Finding | undefined {
  if (activations.has('none')) return undefined;
  const { channels, pred } = call;
  const at = placesOf(call, call.last);
  const seen = pixels.flatMap((i) => Array.from({ length: channels }, (_, k) => pred[at(i, k)] ?? NaN));
  if (!seen.every((x) => x >= 0 && x <= 1)) return undefined;
  const softmax = activations.has('softmax');
  // A network whose last layer starts at 0 gives one logit everywhere.
  const [least, most] = [Math.min(...seen), Math.max(...seen)];
  if (softmax ? !sumsToOne(pred, channels, at, pixels) : least === most) return undefined;
  const name = softmax ? 'softmax' : 'sigmoid';
  const looks = softmax ? 'lies in [0, 1] and sums to 1 at each pixel' : 'lies in [0, 1]';
  return {
    kind: 'doubleActivation',
    text:
      `"pred" ${looks}: these look like probabilities, of which the loss takes the ${name} once more; ` +
      `give the logits, or make the loss with activation: 'none'`,
  };
}

function sums(
  call: CheckedCall,
  pixels: readonly number[],
  activations: ReadonlySet<Activation>,
): Finding | undefined {
  const { channels, target, dense, shape, last } = call;
  if (!dense || channels === 1 || shape.length < 2) return undefined;
  const at = placesOf(call, last);
  // An ignored element may hold anything.
  const counted = pixels.filter((i) => (target[at(i, 0)] ?? NaN) >= 0 && (target[at(i, 0)] ?? NaN) <= 1);
  if (sumsToOne(target, channels, at, counted)) return undefined;
  const others = shape[last ? 1 : shape.length - 1] ?? 1;
  const total = channels * call.samples * call.pixels;
  const elsewhere = { channels: others, pixels: total / others / call.samples };
  const step = Math.max(1, Math.ceil(total / others / LOOKED_AT));
  const every = Array.from({ length: Math.ceil(total / others / step) }, (_, i) => i * step);
  const written = `[${shape.join(', ')}]`;
  if (shape.length > 2 && others > 1 && sumsToOne(target, others, placesOf(elsewhere, !last), every)) {
    const [is, format] = last
      ? ['[N, C, ...spatial]', 'channelsFirst']
      : ['[N, ...spatial, C]', 'channelsLast'];
    return {
      kind: 'layout',
      text:
        `the ${channels} channels of "target" do not sum to 1, but they do if shape ${written} is ${is}; ` +
        `make the loss with dataFormat: '${format}'`,
    };
  }
  if (!activations.has('softmax')) return undefined;
  return {
    kind: 'targetSums',
    text:
      `the ${channels} channels of "target" do not sum to 1 at each pixel, as softmax has it: several labels a pixel ` +
      `take activation: 'sigmoid'; a picture of one channel has the shape [1, 1, height, width], not ${written}`,
  };
}

function scaledTarget({ target, kind, dense }: CheckedCall, pixels: readonly number[]): Finding | undefined {
  if (kind !== FLOAT || !dense) return undefined;
  const seen = pixels.map((i) => target[i] ?? NaN);
  const most = Math.max(...seen);
  const whole = (x: number): boolean => Math.abs(255 * x - Math.round(255 * x)) < 1e-3;
  if (!(most > 0 && most < 0.2) || !seen.every(whole)) return undefined;
  return {
    kind: 'scaledTarget',
    text:
      `the largest value of "target" is ${most}, ${Math.round(255 * most)}/255: labels read as a picture scaled to ` +
      '[0, 1]? Uint8Array.from(target, (x) => Math.round(255 * x)) brings them back',
  };
}

function ignoredForeground(
  { target, channels }: CheckedCall,
  pixels: readonly number[],
  terms: readonly Pick<Common, 'ignoreIndex'>[],
): Finding | undefined {
  const ignored = terms.find(({ ignoreIndex }) => ignoreIndex !== undefined)?.ignoreIndex;
  if (channels !== 1 || ignored === undefined) return undefined;
  const marked = pixels.map((i) => target[i]).filter((label) => label !== 0);
  if (marked.length === 0 || !marked.every((label) => label === ignored)) return undefined;
  return {
    kind: 'ignoredForeground',
    text:
      `every pixel of "target" that is not 0 is ${ignored}, which ignoreIndex leaves out: if ${ignored} marks the ` +
      `foreground, divide by ${ignored} and leave ignoreIndex out`,
  };
}
