/** The worker of worker.ts: phase 1 on its part of the batch, then phase 2 with everybody's sums. */
import { parentPort } from 'node:worker_threads';
import { type LossConfig, lossFromJSON, Sums } from 'segloss';

/** What a worker is asked; sums only in phase 2. Buffers are moved, not copied. */
export interface Task {
  readonly config: LossConfig;
  readonly logits: Float32Array<ArrayBuffer>;
  readonly labels: Uint8Array<ArrayBuffer>;
  readonly shape: readonly number[];
  readonly sample: number;
  readonly sums?: unknown;
}

/** The same in a thread of Node and in a web worker. */
export function work({ config, logits, labels, shape, sample, sums }: Task) {
  const loss = lossFromJSON(config);
  if (sums === undefined) {
    const part = loss.accumulate(logits, labels, { shape, sample });
    return { sums: part.toJSON(), logits, labels };
  }
  const grad = loss.gradFrom(logits, labels, Sums.from(sums), { shape, sample, out: logits });
  return { grad, logits, labels };
}

parentPort?.on('message', (task: Task) =>
  parentPort?.postMessage(work(task), [task.logits.buffer, task.labels.buffer]),
);

// In a browser, a module worker bundled with segloss; the main thread is that of worker.ts with `new Worker(url,
// { type: 'module' })`, `postMessage` and `onmessage`:
//
//   self.onmessage = ({ data }) => self.postMessage(work(data), [data.logits.buffer, data.labels.buffer]);
