/** Losses of peers that are settled only by a call: by its rank, by its channels, or by the numbers it holds. */
import type { CheckedCall } from '../check/call.js';
import { wholeLoss } from '../define.js';
import type { Common } from '../term.js';
import type { Loss, LossCall, SharedOptions, Unreduced, ValueAndGrad } from '../types.js';

/** What is found of a call. */
export interface Found extends ValueAndGrad {
  readonly unreduced: Unreduced;
}

interface Definition {
  /** The options as given: what `toJSON` has. */
  readonly given: object;
  readonly formula: string;
  readonly find: (call: CheckedCall, common: Common) => Found;
}

/** A loss under a peer's name whose value and gradient are found call by call; it has no sums that merge. */
export function settledLoss(name: string, shared: SharedOptions, definition: Definition): Loss {
  const { given, formula, find } = definition;
  return wholeLoss(name, shared, {
    run: (call, _, activation, common) => {
      const found = find(call, common);
      // Weights are in the gradient already, and whatever the activation, it is of the prediction itself.
      const plain = { ...call, pixelWeights: undefined, elementWeights: false, sampleWeights: undefined };
      return {
        value: found.value,
        gradient: [
          {
            call: plain,
            activation: activation === 'none' ? 'none' : 'sigmoid',
            pixel: [],
            slopes: { data: found.grad, raw: true, scale: () => 1 },
          },
        ],
        get unreduced() {
          return found.unreduced;
        },
      };
    },
    formula,
    own: given,
    options: given,
  });
}

/** The call, for another loss; `shape` where it is another. */
export function callOf({ shape, mask, pixelWeights, sampleWeights }: CheckedCall): LossCall {
  return { shape, mask, pixelWeights, sampleWeights };
}

/** What another loss finds of the call, times a factor. */
export function foundBy(
  loss: Loss,
  call: CheckedCall,
  factor = 1,
  view: (unreduced: Unreduced) => Unreduced = (unreduced) => unreduced,
): Found {
  const given = callOf(call);
  const { value, grad } = loss.valueAndGrad(call.pred, call.target, { ...given, upstream: factor });
  return {
    value: factor * value,
    grad,
    get unreduced() {
      return view(loss.unreduced(call.pred, call.target, given));
    },
  };
}
