/** A worker of `bench/pool.ts`: runs a loss on arrays of its own whenever it is asked to, and tells how long it took. */
import { parentPort, workerData } from 'node:worker_threads';

const { dist, config, shape, shared } = workerData;
const { lossFromJSON } = await import(`${dist}index.js`);
const [pred, target] = shared.map((array) => array.slice());
const call = { shape, out: new Float32Array(pred.length) };
const loss = lossFromJSON(config);

parentPort.on('message', () => {
  const start = performance.now();
  loss.valueAndGrad(pred, target, call);
  parentPort.postMessage(performance.now() - start);
});
