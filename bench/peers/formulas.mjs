/**
 * The losses in a peer's own operations. `o` holds them: sums over an axis keep it, `scalar` is a constant, `channel` and
 * `pixel` are the axes. `g` is the target, one-hot where there are classes.
 */
const SMOOTH = 1e-5;
const count = ([samples, , pixels]) => samples * pixels;
const scaled = (o, x, factor) => o.mul(x, o.scalar(factor));

/** ln(1 + e^x), stable. */
const softplus = (o, x) => o.add(o.relu(x), o.log(o.add(o.exp(o.neg(o.abs(x))), o.scalar(1))));

function dice(o, p, g, [samples, channels]) {
  const sum = (x) => o.sum(x, o.pixel);
  const numerator = o.add(scaled(o, sum(o.mul(p, g)), 2), o.scalar(SMOOTH));
  const denominator = o.add(o.add(sum(p), sum(g)), o.scalar(SMOOTH));
  const score = o.div(numerator, denominator);
  const parts = samples * channels;
  const value = o.sub(o.scalar(1), scaled(o, o.sum(score), 1 / parts));
  // d value / d p, by the quotient rule.
  const slope = () => scaled(o, o.div(o.sub(score, scaled(o, g, 2)), denominator), 1 / parts);
  return { value, slope };
}

const throughSoftmax = (o, p, slope) => o.mul(p, o.sub(slope, o.sum(o.mul(p, slope), o.channel)));

function crossEntropy(o, logits, g, dims) {
  return scaled(o, o.sum(o.mul(g, o.logSoftmax(logits))), -1 / count(dims));
}

const FORMULAS = {
  binaryCrossEntropy: (o, z, g, dims) => ({
    value: scaled(o, o.sum(o.sub(softplus(o, z), o.mul(z, g))), 1 / count(dims)),
    grad: () => scaled(o, o.sub(o.sigmoid(z), g), 1 / count(dims)),
  }),
  sigmoidDice: (o, z, g, dims) => {
    const p = o.sigmoid(z);
    const { value, slope } = dice(o, p, g, dims);
    return { value, grad: () => o.mul(slope(), o.mul(p, o.sub(o.scalar(1), p))) };
  },
  sigmoidFocal: (o, z, g, dims) => {
    const sign = o.sub(o.scalar(1), scaled(o, g, 2));
    const x = o.mul(sign, z);
    const q = o.sigmoid(x);
    const [log, q2] = [softplus(o, x), o.mul(q, q)];
    const inner = () => o.add(o.mul(scaled(o, o.sub(o.scalar(1), q), 2), log), q);
    return {
      value: scaled(o, o.sum(o.mul(q2, log)), 1 / count(dims)),
      grad: () => scaled(o, o.mul(o.mul(sign, q2), inner()), 1 / count(dims)),
    };
  },
  crossEntropy: (o, z, g, dims) => ({
    value: crossEntropy(o, z, g, dims),
    grad: () => scaled(o, o.sub(o.softmax(z), g), 1 / count(dims)),
  }),
  softmaxDice: (o, z, g, dims) => {
    const p = o.softmax(z);
    const { value, slope } = dice(o, p, g, dims);
    return { value, grad: () => throughSoftmax(o, p, slope()) };
  },
  diceCrossEntropy: (o, z, g, dims) => {
    const p = o.softmax(z);
    const { value, slope } = dice(o, p, g, dims);
    return {
      value: o.add(value, crossEntropy(o, z, g, dims)),
      grad: () => o.add(throughSoftmax(o, p, slope()), scaled(o, o.sub(p, g), 1 / count(dims))),
    };
  },
};

/** The value of a formula, and `grad()`, its gradient written out by hand. */
export const lossOf = (o, formula, z, g, dims) => FORMULAS[formula](o, z, g, dims);

/** Labels as one-hot planes; one channel is its own target. */
export function oneHot({ samples, channels, pixels, target }) {
  if (channels === 1) return Float32Array.from(target);
  const planes = new Float32Array(samples * channels * pixels);
  for (let s = 0, i = 0; s < samples; s++) {
    for (let n = 0; n < pixels; n++, i++) planes[(s * channels + target[i]) * pixels + n] = 1;
  }
  return planes;
}

/** [samples, a, b] to [samples, b, a]. */
export function transpose(from, samples, a, b) {
  const to = new Float32Array(from.length);
  for (let s = 0; s < samples; s++) {
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) to[(s * b + j) * a + i] = from[(s * a + i) * b + j];
    }
  }
  return to;
}
