/**
 * A loss for jax-js, which takes no gradient of one's own but the seed of a `vjp`.
 *
 * @module
 */
import { type Array as JaxArray, numpy as np } from '@jax-js/jax';
import type { Loss, LossCall, Prediction, Target } from './types.js';

/** A value, and what the function that `vjp` gave is called with. */
export interface ValueAndSeed {
  readonly value: number;
  /** d value / d logits, of the logits' shape. Owned by the caller; `back(seed)` uses it up. */
  readonly seed: JaxArray;
}

/**
 * Computes a loss of a network's output, and the seed with which `vjp` carries its gradient to the parameters.
 *
 * Shapes: `logits` float32, of the loss's `dataFormat`: `[N, C, ...spatial]` by default. The shape is read from it.
 * Ownership: uses up `logits`, as functions of jax-js do; pass `logits.ref` to keep it.
 * Numerics: value and gradient are those of `valueAndGrad`, from one call.
 * Errors: whatever the loss throws.
 *
 * @example
 * ```ts
 * import { init, numpy as np, vjp } from '@jax-js/jax';
 * import { diceLoss } from 'segloss';
 * import { valueAndSeed } from 'segloss/jax';
 *
 * await init('wasm');
 * const scale = np.array([1]);
 * const model = (s: np.Array): np.Array => np.array([9, 0, 0, -9]).mul(s).reshape([1, 1, 2, 2]);
 * const [logits, back] = vjp(model, [scale]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const { value, seed } = await valueAndSeed(diceLoss({ smooth: 0 }), logits, mask);
 * const [gradient] = back(seed);
 * value; // => 0.25
 * gradient.dataSync()[0]; // => -0.0006
 * ```
 */
export async function valueAndSeed(
  loss: Pick<Loss, 'valueAndGrad'>,
  logits: JaxArray,
  target: Target,
  call?: Pick<LossCall, 'mask' | 'pixelWeights' | 'sampleWeights' | 'upstream'>,
): Promise<ValueAndSeed> {
  const { shape } = logits;
  const pred = (await logits.data()) as Prediction;
  const { value, grad } = loss.valueAndGrad(pred, target, { ...call, shape });
  return { value, seed: np.array(grad).reshape(shape) };
}
