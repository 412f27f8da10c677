/** The workers of a pool and what they are at. */
import { CALL_NAMES } from '../check/call.js';
import { checkNames } from '../check/nearest.js';
import { show } from '../check/options.js';
import { TermLoss } from '../loss.js';
import { runPass, type Steps } from '../pass.js';
import type { Sums } from '../sums.js';
import type { Loss, LossCall, Prediction, Target, ValueAndGrad } from '../types.js';
import type { Pool, PoolCall, PoolSignal } from './index.js';
import type { Carrier } from './carrier.js';
import { Job } from './job.js';
import { moveParts, Spare } from './move.js';
import type { Reply } from './protocol.js';
import { type PoolWorker, spawn, type Thread } from './spawn.js';
import { canShare, shareAll, sharedFloats } from './share.js';

/** Messages a worker has at once: the one it is at, and the next, so that it never waits for the post. */
const DEPTH = 2;

/** Entries below which a tenth of a millisecond for the post is more than a second thread saves. */
const FEWEST_ENTRIES = 2 ** 16;

/** A worker, and what it was sent, in the order it will be done with it. */
interface Seat {
  readonly thread: Thread;
  readonly tasks: { readonly job: Job; readonly delivery: number }[];
}

function checkLoss(loss: unknown): TermLoss {
  if (loss instanceof TermLoss && loss.mergeable) return loss;
  if (typeof loss === 'object' && loss !== null && 'valueAndGrad' in loss) {
    const { name = 'this loss' } = loss as Partial<Loss>;
    throw new Error(`${name} is not mergeable, so a pool cannot divide it; call its own methods`);
  }
  throw new TypeError(`"loss" expected a loss of this package, got ${show(loss)}`);
}

/** The call as the loss knows it, and the signal. */
function splitCall(call: PoolCall): { own: LossCall; signal: PoolSignal | undefined } {
  if (typeof call !== 'object' || (call as unknown) === null) return { own: call, signal: undefined };
  checkNames(call, [...CALL_NAMES, 'signal'], '"call"');
  const { signal, ...own } = call;
  if (signal !== undefined && typeof (signal as Partial<PoolSignal> | null)?.aborted !== 'boolean') {
    throw new TypeError(`"signal" expected an AbortSignal, got ${show(signal)}`);
  }
  return { own, signal };
}

function throwIfAborted(signal: PoolSignal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

const reasonOf = (signal: PoolSignal): Error => (signal.reason ?? new Error('aborted')) as Error;

export class WorkerPool implements Pool {
  #seats: Seat[] = [];
  /** With something still to be sent; first come, first served. */
  #queue: Job[] = [];
  /** All that have not settled. */
  readonly #jobs = new Set<Job>();
  #spare = new Spare();
  /** Why there are no workers any more. */
  #ended: Error | undefined;
  #stopping: Promise<unknown> = Promise.resolve();

  /** Starts the workers; one that does not start takes the others with it. */
  static async start(threads: number, worker: (() => PoolWorker) | undefined): Promise<WorkerPool> {
    const pool = new WorkerPool();
    const started = await Promise.allSettled(
      Array.from({ length: threads }, (_, index) =>
        spawn(worker, {
          message: (data) => pool.#receive(pool.#seats[index] as Seat, data as Reply),
          end: (reason) =>
            void pool.#end(new Error(`a worker of the pool died: ${reason}; make another pool`)),
        }),
      ),
    );
    pool.#seats = started.flatMap((result) =>
      result.status === 'fulfilled' ? [{ thread: result.value, tasks: [] }] : [],
    );
    const failure = started.find((result) => result.status === 'rejected');
    if (failure) pool.#ended ??= failure.reason as Error;
    if (pool.#ended) {
      await Promise.all(pool.#seats.map(({ thread }) => thread.stop()));
      throw pool.#ended;
    }
    return pool;
  }

  get threads(): number {
    return this.#seats.length;
  }

  value(loss: Loss, pred: Prediction, target: Target, call: PoolCall): Promise<number> {
    return this.#run(loss, call, (own, rest) => own.valueSteps(pred, target, rest));
  }

  valueAndGrad(loss: Loss, pred: Prediction, target: Target, call: PoolCall): Promise<ValueAndGrad> {
    return this.#run(loss, call, (own, rest) => {
      const out = rest?.out === undefined && canShare(pred) ? sharedFloats(pred.length) : undefined;
      return own.valueAndGradSteps(pred, target, out ? { ...rest, out } : rest);
    });
  }

  accumulate(loss: Loss, pred: Prediction, target: Target, call: PoolCall): Promise<Sums> {
    return this.#run(loss, call, (own, rest) => own.accumulateSteps(pred, target, rest));
  }

  async close(): Promise<void> {
    await this.#end(new Error('the pool is closed'));
  }

  async #run<T>(loss: Loss, call: PoolCall, steps: (loss: TermLoss, call: LossCall) => Steps<T>): Promise<T> {
    if (this.#ended) throw this.#ended;
    const own = checkLoss(loss);
    const { own: rest, signal } = splitCall(call);
    throwIfAborted(signal);
    const passes = steps(own, rest);
    let carrier: Carrier | undefined;
    try {
      for (let step = passes.next(); ; step = passes.next()) {
        if (step.done === true) return step.value;
        const { call: checked } = step.value;
        if (checked.samples * checked.pixels * checked.channels < FEWEST_ENTRIES) {
          runPass(step.value);
          continue;
        }
        carrier ??= (canShare(checked.pred) ? shareAll : moveParts)(checked, this.threads, this.#spare);
        await this.#divide(new Job(step.value, carrier.ship(step.value)), signal);
      }
    } finally {
      carrier?.end();
    }
  }

  async #divide(job: Job, signal: PoolSignal | undefined): Promise<void> {
    if (this.#ended) throw this.#ended;
    const abort = (): void => job.stop(signal && reasonOf(signal));
    signal?.addEventListener('abort', abort);
    this.#jobs.add(job);
    this.#queue.push(job);
    this.#fill();
    try {
      await job.done;
    } finally {
      this.#jobs.delete(job);
      signal?.removeEventListener('abort', abort);
    }
    throwIfAborted(signal);
  }

  /** Hands out deliveries: to every worker one before any has two. */
  #fill(): void {
    for (let depth = 1; depth <= DEPTH; depth++) {
      for (const seat of this.#seats) {
        if (seat.tasks.length >= depth) continue;
        const job = this.#next();
        if (job === undefined) return;
        if (seat.tasks.length === 0) seat.thread.keep(true);
        try {
          const delivery = job.send((request, transfer) => seat.thread.post(request, transfer));
          seat.tasks.push({ job, delivery });
        } catch (error) {
          if (seat.tasks.length === 0) seat.thread.keep(false);
          job.stop(error);
        }
      }
    }
  }

  #next(): Job | undefined {
    while (this.#queue[0]?.open === false) this.#queue.shift();
    return this.#queue[0];
  }

  #receive(seat: Seat, reply: Reply): void {
    const task = seat.tasks.shift();
    task?.job.receive(task.delivery, reply);
    this.#fill();
    if (seat.tasks.length === 0) seat.thread.keep(false);
  }

  /** Rejects what is under way once no worker can write any more. */
  #end(reason: Error): Promise<unknown> {
    if (this.#ended) return this.#stopping;
    this.#ended = reason;
    this.#queue = [];
    this.#spare = new Spare();
    this.#stopping = Promise.all(this.#seats.map(({ thread }) => thread.stop())).finally(() => {
      for (const job of this.#jobs) job.end(reason);
    });
    return this.#stopping;
  }
}
