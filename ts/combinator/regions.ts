import { refuse, show } from '../check/options.js';
import { ShapeError } from '../errors.js';
import { callOf, code, INSPECT } from '../inspect.js';
import { TermLoss } from '../loss.js';
import type { WeightedTerm } from '../term.js';
import type { Loss, LossCall, LossConfig, Target } from '../types.js';

function checkSets(sets: unknown): readonly (readonly number[])[] {
  if (!Array.isArray(sets)) throw new TypeError(`"sets" expected lists of labels, got ${show(sets)}`);
  if (sets.length === 0) refuse('"sets" expected at least one list of labels, got none');
  return sets.map((set: unknown, r) => {
    if (!Array.isArray(set)) throw new TypeError(`"sets[${r}]" expected a list of labels, got ${show(set)}`);
    if (set.length === 0) refuse(`"sets[${r}]" expected at least one label, got an empty list`);
    const wrong: unknown = set.find((label: unknown) => !Number.isInteger(label) || (label as number) < 0);
    if (wrong !== undefined) refuse(`"sets[${r}]" expected integers ≥ 0, got ${show(wrong)}`);
    return [...(set as number[])];
  });
}

/** Terms on channels that overlap, whose ignored label is the map's and so none of the channels'. */
function onChannels({ weight, term }: WeightedTerm): WeightedTerm {
  if (term.activation === 'softmax') {
    refuse(`"activation" of ${term.name} cannot be 'softmax': regions overlap; use 'sigmoid'`);
  }
  return { weight, term: { ...term, activation: term.activation ?? 'sigmoid', ignoreIndex: undefined } };
}

/** A loss whose target is made of a label map first. */
class RegionsLoss extends TermLoss {
  override readonly ownTarget = true;
  readonly #loss: TermLoss;
  readonly #sets: readonly (readonly number[])[];
  readonly #ignore: number | undefined;
  readonly #last: boolean;

  constructor(loss: TermLoss, sets: readonly (readonly number[])[]) {
    const config: LossConfig = { name: 'regions', options: { sets }, terms: [[1, loss.toJSON()]] };
    const text = `regions: channels of the labels ${JSON.stringify(sets)}\n  ${loss.describe().replaceAll('\n', '\n  ')}`;
    super(config, loss.terms.map(onChannels), text);
    const ignored = new Set(loss.terms.map(({ term }) => term.ignoreIndex));
    if (ignored.size > 1) refuse('"ignoreIndex" of the terms differs; regions have one label map');
    this.#loss = loss;
    this.#sets = sets;
    [this.#ignore] = ignored;
    this.#last = loss.terms[0]?.term.dataFormat === 'channelsLast';
  }

  override channelsLast(): TermLoss {
    return new RegionsLoss(this.#loss.channelsLast(), this.#sets);
  }

  override [INSPECT](): string {
    return `regions(${callOf(this.#loss.toJSON())}, ${code(this.#sets)})`;
  }

  /** The target of each region, and the call whose mask leaves out what the map ignores. */
  protected override read(labels: Target, call: LossCall): [Target, LossCall] {
    const shape: unknown = (call as Partial<LossCall> | undefined)?.shape;
    // What is no call or no typed array is refused further on, as ever.
    if (!Array.isArray(shape) || !ArrayBuffer.isView(labels)) return [labels, call];
    const sets = this.#sets;
    const channels: unknown = this.#last ? shape.at(-1) : shape[1];
    if (channels !== sets.length) {
      throw new ShapeError('shape', `${sets.length} channels, one a region`, String(channels));
    }
    const samples = Number(shape[0]);
    const pixels =
      shape.reduce((product: number, size: number) => product * size, 1) / samples / sets.length || 0;
    if (labels.length !== samples * pixels) {
      throw new ShapeError('target', `length ${samples * pixels}, a label map`, String(labels.length));
    }
    const dense = new Uint8Array(labels.length * sets.length);
    const mask = call.mask ? Float32Array.from(call.mask) : new Float32Array(labels.length).fill(1);
    const members = sets.map((set) => new Set(set));
    let ignores = call.mask !== undefined;
    for (let at = 0; at < labels.length; at++) {
      const label = labels[at] as number;
      if (mask[at] === 0) continue;
      if (label === this.#ignore) {
        mask[at] = 0;
        ignores = true;
        continue;
      }
      if (!Number.isInteger(label) || label < 0) {
        throw new RangeError(`"target" expected labels ≥ 0, got ${label} at index ${at}`);
      }
      const [b, i] = [Math.floor(at / pixels), at % pixels];
      members.forEach((set, r) => {
        if (!set.has(label)) return;
        dense[this.#last ? at * sets.length + r : (b * sets.length + r) * pixels + i] = 1;
      });
    }
    return [dense, { ...call, ...(ignores && { mask }) }];
  }
}

/**
 * A loss on regions that are sets of labels and may overlap (BraTS: whole tumour, core, enhancing), from a label map.
 *
 * Formula: the loss on the target g_r = 1 where the label is in `sets[r]`, one sigmoid channel a region. A label in no set
 * is background to all. `ignoreIndex` of the loss is a label of the map and takes the pixel out.
 * Gradient: that of the loss, by the logit or probability of each region.
 * Shapes: prediction `[N, R, ...spatial]` for R sets; target a label map, `N·spatial` entries. The regions' target is made
 * for each call, one byte an element.
 * Empty: a region without pixels is a class without target of the loss.
 * Weights: pixels of `ignoreIndex` in the map are masked in every region; all else is the loss's own.
 * Errors: `RangeError` for empty lists and for a loss that takes softmax; `ShapeError` where the prediction has not one
 * channel a set; `TypeError` for a loss that is not of this package.
 *
 * @example
 * ```ts
 * import { diceLoss, regions } from 'segloss';
 *
 * const loss = regions(diceLoss({ activation: 'none', smooth: 0 }), [[1, 2, 3], [1, 3], [3]]);
 * const probabilities = new Float32Array([1, 1, 1, 0, 1, 0, 0, 0, 0.5]); // 3 regions of 3 pixels
 * loss.value(probabilities, new Uint8Array([1, 2, 3]), { shape: [1, 3, 3] }); // => 0.4444
 * ```
 */
export function regions(loss: Loss, sets: readonly (readonly number[])[]): Loss {
  if (!(loss instanceof TermLoss))
    throw new TypeError(`"loss" expected a loss of this package, got ${show(loss)}`);
  if (loss.ownTarget) refuse('"loss" makes its target itself already');
  return new RegionsLoss(loss, checkSets(sets));
}
