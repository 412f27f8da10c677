/** What this runtime has for threads. */

/** How data reaches worker threads: on shared memory, or by moving copies to and fro; `'none'`: there are no workers. */
export type Threads = 'shared' | 'transfer' | 'none';

interface Runtime {
  readonly process?: {
    readonly versions?: Readonly<Record<string, string | undefined>>;
    getBuiltinModule?(name: string): unknown;
  };
  readonly Worker?: unknown;
  readonly SharedArrayBuffer?: unknown;
  readonly crossOriginIsolated?: boolean;
}
export const runtime = globalThis as Runtime;

/** A module of Node's own, without an import that bundlers would follow; `undefined` elsewhere. */
export function builtin(name: string): unknown {
  return runtime.process?.getBuiltinModule?.(name);
}

/** Whether the runtime has the workers of browsers; Node has its own. */
export const hasWebWorkers = (): boolean => typeof runtime.Worker === 'function';

export function threadsOf(): Threads {
  if (!hasWebWorkers() && builtin('node:worker_threads') === undefined) return 'none';
  // Browsers that are not isolated hide the constructor, but can still be given such memory, which cannot be posted.
  const shares = typeof runtime.SharedArrayBuffer === 'function' && runtime.crossOriginIsolated !== false;
  return shares ? 'shared' : 'transfer';
}

/** Whether an array lies on shared memory, of whatever realm. */
export const isShared = (array: unknown): boolean =>
  ArrayBuffer.isView(array) && Object.prototype.toString.call(array.buffer) === '[object SharedArrayBuffer]';
