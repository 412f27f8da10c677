/** A loss of regions whose target has a channel more: that of the pixels to leave out. */
import { ShapeError } from '../errors.js';
import { TermLoss } from '../loss.js';
import { weightedSum } from '../loss/weighted-sum.js';
import { binaryCrossEntropyLoss } from '../loss/binary-cross-entropy.js';
import type { Loss, LossCall, LossConfig, Target } from '../types.js';
import type { TorchBCEWithLogitsOptions } from './torch.js';

class IgnoreChannelLoss extends TermLoss {
  override readonly ownTarget = true;
  readonly #loss: TermLoss;
  readonly #last: boolean;

  constructor(config: LossConfig, loss: TermLoss) {
    super(config, loss.terms, `${config.name}: ${loss.describe()}`);
    this.#loss = loss;
    this.#last = loss.terms[0]?.term.dataFormat === 'channelsLast';
  }

  override channelsLast(): TermLoss {
    return new IgnoreChannelLoss(this.toJSON(), this.#loss.channelsLast());
  }

  /** The target's regions, and the call whose mask is the last channel. */
  protected override read(labels: Target, call: LossCall): [Target, LossCall] {
    const shape: unknown = (call as Partial<LossCall> | undefined)?.shape;
    // What is no call or no typed array is refused further on, as ever.
    if (!Array.isArray(shape) || !ArrayBuffer.isView(labels)) return [labels, call];
    const sizes = shape as number[];
    const channels = (this.#last ? sizes.at(-1) : sizes[1]) ?? 0;
    const samples = sizes[0] ?? 0;
    const pixels = sizes.reduce((product, size) => product * size, 1) / samples / channels || 0;
    const all = channels + 1;
    if (labels.length !== samples * all * pixels) {
      throw new ShapeError(
        'target',
        `length ${samples * all * pixels} (${channels} regions and the pixels to leave out)`,
        String(labels.length),
      );
    }
    const Make = labels.constructor as new (length: number) => Target;
    const target = new Make(samples * channels * pixels);
    const mask = new Float32Array(samples * pixels);
    for (let at = 0; at < samples * pixels; at++) {
      const [b, i] = [Math.floor(at / pixels), at % pixels];
      const place = (k: number, of: number): number => (this.#last ? at * of + k : (b * of + k) * pixels + i);
      for (let k = 0; k < channels; k++) target[place(k, channels)] = labels[place(k, all)] as number;
      mask[at] = labels[place(channels, all)] === 1 || call.mask?.[at] === 0 ? 0 : 1;
    }
    return [target, { ...call, mask }];
  }
}

/** Σ BCE over the pixels that count, and the Dice loss of these. */
export function ignoreChannel(
  config: LossConfig,
  [weight, { weight: classWeights, pos_weight: positiveWeight }]: readonly [
    number,
    TorchBCEWithLogitsOptions,
  ],
  dice: readonly [number, Loss],
): Loss {
  const entropy = binaryCrossEntropyLoss({
    meanOver: 'pixels',
    ...(classWeights && { classWeights }),
    ...(typeof positiveWeight !== 'undefined' && positiveWeight !== null && { positiveWeight }),
  });
  return new IgnoreChannelLoss(config, weightedSum([[weight, entropy], dice]) as TermLoss);
}
