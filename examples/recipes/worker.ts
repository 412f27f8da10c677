/** The loss off the main thread, a batch split over two workers: the sums of the parts merge into those of the whole. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { crossEntropyLoss, diceLoss, Sums, weightedSum } from 'segloss';
import type { Task, work } from './loss-worker.js';

const loss = weightedSum([
  [1, diceLoss({ aggregate: 'batch' })],
  [1, crossEntropyLoss()],
]);
const shape = [2, 3, 64, 64];
const logits = Float32Array.from({ length: 2 * 3 * 4096 }, (_, i) => 3 * Math.sin(i * i));
const labels = Uint8Array.from({ length: 2 * 4096 }, (_, i) => (i % 97 === 0 ? 2 : i % 13 === 0 ? 1 : 0));

// A bundler makes one file of the worker and the package, as for a browser.
const entry = fileURLToPath(new URL('./loss-worker.ts', import.meta.url));
const { outputFiles } = buildSync({ entryPoints: [entry], bundle: true, write: false, platform: 'node' });
const workers = [0, 1].map(() => new Worker(outputFiles[0]!.text, { eval: true }));

const ask = async (
  sample: number,
  task: Pick<Task, 'logits' | 'labels' | 'sums'>,
): Promise<ReturnType<typeof work>> => {
  const whole: Task = { config: loss.toJSON(), shape: [1, 3, 64, 64], sample, ...task };
  workers[sample]!.postMessage(whole, [task.logits.buffer, task.labels.buffer]);
  const [answer] = (await once(workers[sample]!, 'message')) as [ReturnType<typeof work>];
  return answer;
};

// Phase 1: each worker sums over one sample. A few numbers come back, and the buffers.
const parts = await Promise.all(
  [0, 1].map((b) =>
    ask(b, {
      logits: logits.slice(b * 3 * 4096, (b + 1) * 3 * 4096),
      labels: labels.slice(b * 4096, (b + 1) * 4096),
    }),
  ),
);
const sums = Sums.from(parts[0]!.sums).merge(Sums.from(parts[1]!.sums));
const value = loss.valueFrom(sums);

// Phase 2: the gradient of the whole batch's loss, each worker its part, in place of the logits.
const grads = await Promise.all(
  parts.map((part, b) => ask(b, { logits: part.logits, labels: part.labels, sums: sums.toJSON() })),
);
await Promise.all(workers.map((worker) => worker.terminate()));

const whole = loss.valueAndGrad(logits, labels, { shape });
assert.ok(Math.abs(value - whole.value) < 1e-9 * whole.value);
grads.forEach(({ grad }, b) => {
  const expected = whole.grad.subarray(b * 3 * 4096, (b + 1) * 3 * 4096);
  const largest = expected.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
  assert.ok(grad!.every((g, i) => Math.abs(g - expected[i]!) <= 2e-6 * largest));
});
