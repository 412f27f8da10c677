/**
 * How far scalar TypeScript goes when each case gets code of its own. The logarithms of many pixels are taken as one, of
 * their product: a logit below −60 then counts as −60, and the product must be taken before it overflows. Four classes
 * are unrolled, many go class after class in blocks; each loss is written out for each.
 *
 * Slower on noise (Node 20, ns a pixel of value + gradient): binary cross-entropy with a logarithm a pixel 27 and with a
 * branch on the sign 20, for 16; four channels of cross-entropy in strided loops 80 and with a logarithm a pixel 60, for
 * 50; 21 channels of Dice + cross-entropy in strided loops 584, for 525. Left out, as no longer `Math`: an exponential of
 * one's own by table and polynomial takes 3 ns for 11.
 */
import type { Engine, Formula, Problem, Run } from '../cases.js';
import { diceCrossEntropyN } from './specialised-ts-many.js';
import { crossEntropy4, dice4, diceCrossEntropy4, focal4 } from './specialised-ts-softmax4.js';

type Kernel = (problem: Problem, out: Float32Array | undefined) => number;

/** Loss max(z, 0) − z g + ln(1 + e^−|z|); the logarithms of many pixels are taken as one, of their product. */
const binaryCrossEntropy: Kernel = ({ pred, target }, out) => {
  const n = pred.length;
  const scale = 1 / n;
  let sum = 0;
  let product = 1;
  for (let i = 0; i < n; i++) {
    const z = pred[i]!;
    const g = target[i]!;
    // Below −60 the probability is under 1e-26: held there, so that the product stays finite.
    const held = Math.max(z, -60);
    const denominator = 1 + Math.exp(-held);
    sum += held - z * g;
    product *= denominator;
    if (product > 1e280) {
      sum += Math.log(product);
      product = 1;
    }
    if (out) out[i] = (1 / denominator - g) * scale;
  }
  return (sum + Math.log(product)) * scale;
};

const ONE: Partial<Record<Formula, Kernel>> = { binaryCrossEntropy };

const FOUR: Partial<Record<Formula, Kernel>> = {
  crossEntropy: crossEntropy4,
  softmaxDice: dice4,
  softmaxFocal: focal4,
  diceCrossEntropy: diceCrossEntropy4,
};

const MANY: Partial<Record<Formula, Kernel>> = { diceCrossEntropy: diceCrossEntropyN };

/** Only where it differs from `tuned-ts`: sigmoid Dice takes no logarithm, and focal one for each pixel by itself. */
export const specialisedTs: Engine = {
  name: 'specialised-ts',
  prepare(problem): Run | undefined {
    const { channels, formula } = problem;
    const kernel = (channels === 1 ? ONE : channels === 4 ? FOUR : MANY)[formula];
    return kernel && ((out) => kernel(problem, out));
  },
};
