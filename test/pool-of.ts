/** Pools of workers that run the sources, in Node and in browsers. */
import type { PoolWorker } from 'segloss/pool';

interface NodeThreads {
  Worker: new (code: string, options: object) => PoolWorker;
}
const { process: node } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
const threads = node?.getBuiltinModule?.('node:worker_threads') as NodeThreads | undefined;

/** A worker of the sources; Node needs a compiler for it. */
export function worker(): PoolWorker {
  if (!threads) return new Worker(new URL('../ts/pool/worker.ts', import.meta.url), { type: 'module' });
  const script = JSON.stringify(new URL('../ts/pool/worker.ts', import.meta.url).href);
  return workerOf(`import('tsx/esm/api').then(({ register }) => (register(), import(${script})));`);
}

/** A worker that runs this code. */
export function workerOf(code: string): PoolWorker {
  if (threads) return new threads.Worker(code, { eval: true });
  return new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
}

/** The array on shared memory. */
export function shared<T extends Float32Array | Uint8Array | Float64Array>(array: T): T {
  const Kind = array.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new Kind(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}
