/** TensorFlow.js: its own differentiation, and a gradient written by hand in its operations (tf.customGrad). */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { lossOf, oneHot, transpose } from './formulas.mjs';

const BUILT_IN = {
  binaryCrossEntropy: (z, g) => tf.losses.sigmoidCrossEntropy(g, z),
  crossEntropy: (z, g) => tf.losses.softmaxCrossEntropy(g, z),
};

/** Channels are last, since tf.softmax takes no other axis. */
const operations = {
  ...Object.fromEntries(
    ['add', 'sub', 'mul', 'div', 'neg', 'exp', 'log', 'abs', 'relu', 'sigmoid', 'softmax', 'logSoftmax'].map(
      (name) => [name, tf[name]],
    ),
  ),
  sum: (x, axis) => (axis === undefined ? tf.sum(x) : tf.sum(x, axis, true)),
  scalar: (x) => tf.scalar(x),
  pixel: 1,
  channel: 2,
};

export async function prepare(problem, [backend, customGrad]) {
  if (backend === 'wasm') {
    const wasm = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(`${dirname(wasm)}/`);
    setThreadsCount(1);
  }
  await tf.setBackend(backend);
  await tf.ready();
  const { formula, samples, channels, pixels, pred } = problem;
  const dims = [samples, channels, pixels];
  const last = (planes) => tf.tensor(transpose(planes, ...dims), [samples, pixels, channels]);
  const [z, g] = [last(pred), last(oneHot(problem))];
  const byHand = tf.customGrad((x, save) => {
    const { value, grad } = lossOf(operations, formula, x, g, dims);
    save([grad()]);
    return { value, gradFunc: (dy, [saved]) => tf.mul(dy, saved) };
  });
  const builtIn = BUILT_IN[formula] ?? ((x) => lossOf(operations, formula, x, g, dims).value);
  const f = tf.valueAndGrad(customGrad ? byHand : (x) => builtIn(x, g));
  let latest;
  return {
    call() {
      const { value, grad } = tf.tidy(() => f(z));
      latest = grad.dataSync();
      const [result] = value.dataSync();
      tf.dispose([value, grad]);
      return result;
    },
    gradient: () => transpose(latest, samples, pixels, channels),
  };
}
