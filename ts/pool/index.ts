/**
 * Losses on several threads: the same bits as on one, whatever their number.
 *
 * @module
 */
import { backend } from '../backend.js';
import { checkNames } from '../check/nearest.js';
import { checkFunction, number, show } from '../check/options.js';
import { builtin } from '../threads.js';
import type { Loss, LossCall, Prediction, Target, ValueAndGrad } from '../types.js';
import type { Sums } from '../sums.js';
import { WorkerPool } from './pool.js';
import type { PoolWorker } from './spawn.js';

export type { PoolWorker } from './spawn.js';

/** The part of an `AbortSignal` that is used; by shape, so that the declarations compile without DOM types. */
export interface PoolSignal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What comes with a call of a pool. */
export interface PoolCall extends LossCall {
  /** Aborts the call: it rejects with the signal's reason, after at most a few milliseconds. */
  readonly signal?: PoolSignal | undefined;
}

/** What `createPool` takes. */
export interface PoolOptions {
  /** How many workers; default: as many as the machine has processors. */
  readonly threads?: number | undefined;
  /** Makes a worker that runs `segloss/pool/worker`, where the package cannot find that script by itself. */
  readonly worker?: (() => PoolWorker) | undefined;
}

/** Worker threads that losses run on. */
export interface Pool {
  /** How many workers there are. */
  readonly threads: number;
  /** `loss.value`. */
  value(loss: Loss, pred: Prediction, target: Target, call: PoolCall): Promise<number>;
  /** `loss.valueAndGrad`. */
  valueAndGrad(loss: Loss, pred: Prediction, target: Target, call: PoolCall): Promise<ValueAndGrad>;
  /** `loss.accumulate`. */
  accumulate(loss: Loss, pred: Prediction, target: Target, call: PoolCall): Promise<Sums>;
  /** Ends the workers; calls under way reject, as do later ones. Any number of times. */
  close(): Promise<void>;
}

const threadCount = number({ min: 1, integer: true });

function processors(): number {
  const os = builtin('node:os') as { availableParallelism(): number } | undefined;
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/**
 * Starts worker threads for losses.
 *
 * A call is cut into chunks that depend on its shape alone, and what they come to is added in their order: value,
 * gradient and sums are those of the loss itself to the last bit, for any number of threads. A call of fewer than
 * 65,536 entries runs on the caller's thread, since to hand it over would cost more.
 *
 * Shapes, options, errors: those of the loss, as rejections; the first bad entry is the one that is named. Any loss of
 * this package that is `mergeable`, those of `regionLoss` and `weightedSum` among them: formulas run on the caller's
 * thread, on sums. Leave the arrays alone until the promise settles.
 * Memory: a prediction on a `SharedArrayBuffer` is read where it is, and the gradient (without `out`) is on one too;
 * target, mask and weights that are not are copied once. Any other prediction is copied once, part by part, to memory
 * that moves to a worker and back. Browsers share only where `crossOriginIsolated`; `backend().threads` tells.
 * Ends: idle workers do not keep Node running. When a worker dies, the calls under way reject, and so do later ones:
 * make another pool.
 * Errors: `TypeError` and `RangeError` for options that are none; `Error` where a worker does not start, or the runtime
 * has none; in calls also for a loss that is not `mergeable`, since it looks at all pixels together.
 *
 * @example
 * ```ts
 * import { diceLoss } from 'segloss';
 * import { createPool } from 'segloss/pool';
 *
 * const pool = await createPool({ threads: 2 });
 * const logits = new Float32Array(200_000).fill(-2);
 * const mask = new Uint8Array(200_000).fill(1, 0, 100);
 * const { value, grad } = await pool.valueAndGrad(diceLoss(), logits, mask, { shape: [1, 1, 400, 500] });
 * await pool.close();
 * value; // => 0.999
 * ```
 */
export async function createPool(options: PoolOptions = {}): Promise<Pool> {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new TypeError(`createPool expected an options object, got ${show(options)}`);
  }
  checkNames(options, ['threads', 'worker'], 'createPool options');
  const { threads = processors(), worker } = options;
  threadCount(threads, 'threads');
  if (worker !== undefined) checkFunction(worker, 'worker');
  if (worker === undefined && backend().threads === 'none') {
    throw new Error('this runtime has no workers; call the losses themselves');
  }
  return WorkerPool.start(threads, worker);
}
