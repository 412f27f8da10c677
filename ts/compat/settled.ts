/** Losses of peers that are settled only by a call: by its rank, by its channels, or by the numbers it holds. */
import { type CheckedCall, unweighted } from '../check/call.js';
import { wholeLoss } from '../define.js';
import { TermLoss } from '../loss.js';
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
      const plain = { ...unweighted(call), sampleWeights: undefined };
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

/** What of a checked call is the caller's. */
function callOf({ shape, mask, pixelWeights, sampleWeights }: CheckedCall): LossCall {
  return { shape, mask, pixelWeights, sampleWeights };
}

/** What another loss of the package finds of the call, in the layout in force, times a factor. */
export function foundBy(
  given: Loss,
  call: CheckedCall,
  { dataFormat }: Common,
  factor = 1,
  view: (unreduced: Unreduced) => Unreduced = (unreduced) => unreduced,
): Found {
  // An adapter may have turned the layout round.
  const last = dataFormat === 'channelsLast' && given instanceof TermLoss;
  const loss = last ? given.channelsLast() : given;
  const more = callOf(call);
  const { value, grad } = loss.valueAndGrad(call.pred, call.target, { ...more, upstream: factor });
  return {
    value: factor * value,
    grad,
    get unreduced() {
      return view(loss.unreduced(call.pred, call.target, more));
    },
  };
}
