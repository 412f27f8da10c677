/** jax-js: jit(valueAndGrad(f)) on its WebAssembly backend. Every use of an array but its last needs `.ref`. */
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import { oneHot } from './formulas.mjs';

const SMOOTH = 1e-5;

/** Mean over samples and classes of Dice; consumes both. */
function dice(p, g) {
  const numerator = p.ref.mul(g.ref).sum(2).mul(2).add(SMOOTH);
  const denominator = p.sum(2).add(g.sum(2)).add(SMOOTH);
  return numerator.div(denominator).mean().neg().add(1);
}

const LOSSES = {
  binaryCrossEntropy: (z, g) => nn.softplus(z.ref).sub(z.mul(g)).mean(),
  sigmoidDice: (z, g) => dice(nn.sigmoid(z), g),
  sigmoidFocal: (z, g) => {
    const x = z.mul(g.mul(-2).add(1));
    const q = nn.sigmoid(x.ref);
    return q.ref.mul(q).mul(nn.softplus(x)).mean();
  },
  crossEntropy: (z, g) => nn.logSoftmax(z, 1).mul(g).sum(1).mean().neg(),
  softmaxDice: (z, g) => dice(nn.softmax(z, 1), g),
  diceCrossEntropy: (z, g) => LOSSES.softmaxDice(z.ref, g.ref).add(LOSSES.crossEntropy(z, g)),
};

export async function prepare(problem) {
  await init('wasm');
  defaultDevice('wasm');
  const { formula, samples, channels, pixels, pred } = problem;
  const array = (data) => np.array(data).reshape([samples, channels, pixels]);
  const [z, g] = [array(pred), array(oneHot(problem))];
  const f = jit(valueAndGrad(LOSSES[formula]));
  let latest;
  return {
    async call() {
      const [value, grad] = f(z.ref, g.ref);
      latest = await grad.data();
      return (await value.data())[0];
    },
    gradient: () => latest,
  };
}
