/**
 * Losses on two threads against one: `npm run bench:pool`, with `--rounds N`.
 *
 * A busy machine seldom gives both processors at once, and not both the same speed. So beside the clock each round is held
 * against the one before it, in which two threads run the loss at once, each on arrays of its own: the pool's share of what
 * those get through, times two, is its ratio on two equal processors.
 */
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Loss } from 'segloss';
import { type Case, problemOf } from './cases.js';
import { timingOf } from './measure.js';

// What is shipped, not the sources: workers need files that Node can run.
const dist = new URL('../dist/', import.meta.url).href;
const { backend, binaryCrossEntropyLoss, crossEntropyLoss, diceLoss, weightedSum } = (await import(
  `${dist}index.js`
)) as typeof import('segloss');
const { createPool } = (await import(`${dist}pool/index.js`)) as typeof import('segloss/pool');

const THREADS = 2;
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '60' } } });
const rounds = Number(values.rounds);

const both = weightedSum([
  [1, diceLoss()],
  [1, crossEntropyLoss()],
]);
const CASES: readonly [string, Loss, readonly number[]][] = [
  ['binary cross-entropy', binaryCrossEntropyLoss(), [1, 1, 2048, 2048]],
  ['sigmoid Dice', diceLoss(), [1, 1, 2048, 2048]],
  ['softmax cross-entropy', crossEntropyLoss(), [1, 4, 2048, 2048]],
  ['Dice + cross-entropy', both, [1, 4, 2048, 2048]],
  ['binary cross-entropy', binaryCrossEntropyLoss(), [1, 1, 4096, 4096]],
  ['sigmoid Dice', diceLoss(), [1, 1, 4096, 4096]],
  ['binary cross-entropy', binaryCrossEntropyLoss(), [1, 1, 512, 512]],
  ['binary cross-entropy, two chunks', binaryCrossEntropyLoss(), [1, 1, 128, 256]],
];

type Memory = (bytes: number) => ArrayBufferLike;
const plain: Memory = (bytes) => new ArrayBuffer(bytes);
const shared: Memory = (bytes) => new SharedArrayBuffer(bytes);

async function timed(run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const started = performance.now();
const pool = await createPool({ threads: THREADS });
const start = performance.now() - started;
const load = loadavg()[0]!.toFixed(1);
console.log(
  `${cpus()[0]!.model}, Node ${process.version}, ${backend().simd}, load ${load}; pool started in ${start.toFixed(0)} ms\n`,
);
console.log('| case | one thread, ms | two: shared | equal processors | two: copied | equal processors |');
console.log('|---|---|---|---|---|---|');
for (const [name, loss, shape] of CASES) {
  const problem = problemOf({ name, shape } as unknown as Case);
  const call = (memory: Memory) => {
    const pred = new Float32Array(memory(4 * problem.pred.length));
    pred.set(problem.pred);
    const target = new Uint8Array(memory(problem.target.length));
    target.set(problem.target);
    return [pred, target, { shape, out: new Float32Array(memory(4 * pred.length)) }] as const;
  };
  const [own, common] = [call(plain), call(shared)];
  const runs = [
    () => loss.valueAndGrad(...own),
    () => pool.valueAndGrad(loss, ...common),
    () => pool.valueAndGrad(loss, ...own),
  ];
  const alone = loss.valueAndGrad(own[0], own[1], { shape });
  for (const run of runs) {
    const { value, grad } = await run();
    if (value !== alone.value || grad.some((x, i) => !Object.is(x, alone.grad[i])))
      throw new Error(`${name}: other bits`);
  }
  const [pred, target] = common;
  const workers = Array.from({ length: THREADS }, () => {
    const workerData = { dist, config: loss.toJSON(), shape, shared: [pred, target] };
    return new Worker(new URL('./pool-alone.mjs', import.meta.url), { workerData });
  });
  /** Losses a millisecond of threads that share nothing. */
  const apart = async (): Promise<number> => {
    const rates = workers.map(async (worker) => {
      worker.postMessage(undefined);
      const [time] = (await once(worker, 'message')) as [number];
      return 1 / time;
    });
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate);
  };
  await apart();
  const [one, ...two] = runs.map((run) => ({ run, times: [] as number[], ratios: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    one!.times.push(await timed(one!.run));
    for (const { run, times, ratios } of two) {
      const rate = await apart();
      const time = await timed(run);
      times.push(time);
      ratios.push(THREADS / (time * rate));
    }
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  const best = timingOf('one', one!.times).min;
  const cells = two.map(({ times, ratios }) => {
    const { min } = timingOf('pool', times);
    const ratio = timingOf('ratio', ratios).median;
    return `${min.toFixed(2)} (${(best / min).toFixed(2)}×) | ${ratio.toFixed(2)}×`;
  });
  console.log(`| ${name} ${shape.join('×')} | ${best.toFixed(2)} | ${cells.join(' | ')} |`);
}
await pool.close();
