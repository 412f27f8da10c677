/**
 * A loss as a loss of TensorFlow.js, usable with `tf.grads`, `tf.variableGrads`, optimizers and `model.compile`.
 *
 * @module
 */
import { customGrad, mul, type Scalar, scalar, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { show } from './check/options.js';
import { TermLoss } from './loss.js';
import type { Loss, LossCall, LossConfig, Prediction, Target } from './types.js';

/** What may come with a call, beside the tensors. */
export type TfjsCall = Pick<LossCall, 'mask' | 'pixelWeights' | 'sampleWeights'>;

/** A loss of TensorFlow.js: of tensors, to a scalar that can be differentiated by `yPred`. */
export type TfjsLoss = (yTrue: Tensor, yPred: Tensor, call?: TfjsCall) => Scalar;

/**
 * Makes a loss of TensorFlow.js from a loss of this package.
 *
 * Shapes: `yPred` is `[N, ...spatial, C]` float32, as layers of tfjs give it: `dataFormat` is `'channelsLast'` whatever
 * the loss would do by default. `yTrue` is dense, of the same shape (the only kind `model.fit` lets through), or a label
 * map `[N, ...spatial]`; of any dtype. Logits by default; a model that ends in softmax or sigmoid needs
 * `activation: 'none'`.
 * Numerics: value and gradient are those of `valueAndGrad`, from one call. The prediction is read by `dataSync`: free on
 * the backends cpu, wasm and node, a wait for the GPU on webgl.
 * Errors: `TypeError` for what is no loss of this package, `RangeError` for one with `dataFormat: 'channelsFirst'`; in
 * calls whatever the loss throws.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs-backend-cpu';
 * import { grad, setBackend, tensor } from '@tensorflow/tfjs-core';
 * import { diceLoss } from 'segloss';
 * import { tfjsLoss } from 'segloss/tfjs';
 *
 * await setBackend('cpu');
 * const loss = tfjsLoss(diceLoss({ smooth: 0 }));
 * const mask = tensor([1, 1, 0, 0], [1, 2, 2, 1]);
 * const logits = tensor([9, 0, 0, -9], [1, 2, 2, 1]);
 * loss(mask, logits).dataSync()[0]; // => 0.25
 * grad((z) => loss(mask, z))(logits).dataSync()[1]; // => -0.0781
 * ```
 */
export function tfjsLoss(loss: Loss): TfjsLoss {
  const last = channelsLast(loss);
  return (yTrue, yPred, call) => {
    const target = yTrue.dataSync<'int32' | 'float32'>() as Target;
    // One gradient a tensor: the target is no input of the function.
    const ofLogits = customGrad((...inputs) => {
      const [logits, save] = inputs as unknown as [Tensor, (tensors: Tensor[]) => void];
      const pred = logits.dataSync<'float32'>() as Prediction;
      const { value, grad } = last.valueAndGrad(pred, target, { ...call, shape: logits.shape });
      const gradient = tensor(grad, logits.shape);
      save([gradient]);
      return {
        value: scalar(value),
        gradFunc: (upstream: Tensor, saved: Tensor[]) => mul(upstream, saved[0] as Tensor),
      };
    });
    return ofLogits(yPred);
  };
}

/** Whether an option, not the default, says so. */
function saysFirst({ options, terms }: LossConfig): boolean {
  return options.dataFormat === 'channelsFirst' || (terms?.some(([, term]) => saysFirst(term)) ?? false);
}

function channelsLast(loss: unknown): Loss {
  if (!(loss instanceof TermLoss)) {
    throw new TypeError(`"loss" expected a loss of this package, got ${show(loss)}`);
  }
  const config = loss.toJSON();
  if (saysFirst(config)) {
    throw new RangeError(
      `"dataFormat" expected 'channelsLast', got 'channelsFirst': tensors of tfjs are [N, ...spatial, C]; leave it out`,
    );
  }
  const terms = loss.terms.map(({ weight, term }) => ({
    weight,
    term: { ...term, dataFormat: 'channelsLast' as const },
  }));
  return new TermLoss(config, terms, loss.describe(), loss.name);
}
