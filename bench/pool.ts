/**
 * Losses on two threads against one: `npm run bench:pool`, with `--rounds N`.
 *
 * A busy machine seldom gives both processors at once. So beside the clock the processor's time is shown: what one thread
 * takes, over what the pool takes on each of its threads, is the ratio of two free processors, waiting aside.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Loss } from 'segloss';
import { type Case, problemOf } from './cases.js';

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
  ['binary cross-entropy', binaryCrossEntropyLoss(), [1, 1, 512, 512]],
  ['binary cross-entropy, two chunks', binaryCrossEntropyLoss(), [1, 1, 128, 256]],
];

type Memory = (bytes: number) => ArrayBufferLike;
const plain: Memory = (bytes) => new ArrayBuffer(bytes);
const shared: Memory = (bytes) => new SharedArrayBuffer(bytes);

interface Best {
  wall: number;
  cpu: number;
}

async function timed(run: () => unknown, best: Best): Promise<void> {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  await run();
  const { user, system } = process.cpuUsage(cpuStart);
  best.wall = Math.min(best.wall, performance.now() - start);
  best.cpu = Math.min(best.cpu, (user + system) / 1e3);
}

const started = performance.now();
const pool = await createPool({ threads: THREADS });
const start = performance.now() - started;
const load = loadavg()[0]!.toFixed(1);
console.log(
  `${cpus()[0]!.model}, Node ${process.version}, ${backend().simd}, load ${load}; pool started in ${start.toFixed(0)} ms\n`,
);
console.log('| case | one thread, ms | two: shared | by processor time | two: copied | by processor time |');
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
  const best = runs.map((): Best => ({ wall: Infinity, cpu: Infinity }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of runs.entries()) await timed(run, best[i]!);
  }
  const [one, ...two] = best as [Best, Best, Best];
  const cells = two.map(
    ({ wall, cpu }) =>
      `${wall.toFixed(2)} (${(one.wall / wall).toFixed(2)}×) | ${((THREADS * one.cpu) / cpu).toFixed(2)}×`,
  );
  console.log(`| ${name} ${shape.join('×')} | ${one.wall.toFixed(2)} | ${cells.join(' | ')} |`);
}
await pool.close();
