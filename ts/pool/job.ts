/** One pass on its way through the workers. */
import { addTotals, type Pass } from '../pass.js';
import { eachChunk, type Fault, type Range, refuse } from '../stream.js';
import { ROWS } from '../term.js';
import { totalsLength } from '../workspace.js';
import { multipliersOf, type Reply, type Request } from './protocol.js';
import type { Carrier } from './units.js';

/** The parts are sent in order; what they come to is added in order, whichever is done first. */
export class Job {
  readonly done: Promise<void>;
  readonly #pass: Pass;
  readonly #ranges: readonly Range[];
  readonly #chunkPixels: number;
  readonly #carrier: Carrier;
  /** Results of the parts that wait for an earlier one. */
  readonly #waiting = new Map<number, Float64Array>();
  #sent = 0;
  #returned = 0;
  #added = 0;
  #fault: { readonly part: number; readonly fault: Fault } | undefined;
  #stopped: { readonly reason: unknown } | undefined;
  #resolve!: () => void;
  #reject!: (reason: unknown) => void;

  constructor(pass: Pass, ranges: readonly Range[], chunkPixels: number, carrier: Carrier) {
    this.#pass = pass;
    this.#ranges = ranges;
    this.#chunkPixels = chunkPixels;
    this.#carrier = carrier;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether a part is still to be sent. */
  get open(): boolean {
    return this.#sent < this.#ranges.length && !this.#fault && !this.#stopped;
  }

  /** Sends the next part by `post`, and gives its number. */
  send(post: (request: Request, transfer: readonly unknown[]) => void): number {
    const part = this.#sent;
    const { call, groups, stages, gradients, stored, sums } = this.#pass;
    const parcel = this.#carrier.send(this.#pass, part);
    const whole = this.#ranges[part] as Range;
    const { buffer } = parcel;
    const request: Request = {
      ...parcel,
      groups: groups.map(({ activation, ignoreIndex, kernels }) => ({ activation, ignoreIndex, kernels })),
      stages,
      multipliers: gradients?.map((gradient) => multipliersOf(gradient, whole, ROWS * call.channels)),
      stored,
      chunks: sums ? whole.samples * Math.ceil(whole.pixels / this.#chunkPixels) : 0,
      buffer,
    };
    post(request, buffer ? [buffer] : []);
    this.#sent++;
    return part;
  }

  /** Takes what a worker made of a part. */
  receive(part: number, { totals, fault, buffer, error }: Reply): void {
    this.#returned++;
    if (error !== undefined) this.#stopped ??= { reason: new Error(`a worker of the pool failed: ${error}`) };
    if (fault && part < (this.#fault?.part ?? Infinity)) {
      this.#fault = { part, fault: this.#carrier.place(fault, part) };
    }
    const use = !this.#fault && !this.#stopped;
    this.#carrier.receive(this.#pass, part, buffer, use);
    if (use && totals) {
      this.#waiting.set(part, totals);
      this.#add();
    }
    this.#settle();
  }

  /** Sends nothing more; rejects when nothing is under way, so that no worker still writes. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    this.#settle();
  }

  /** Rejects at once: the workers are no more. */
  end(reason: unknown): void {
    this.#reject(reason);
  }

  #add(): void {
    const { call, groups } = this.#pass;
    const length = totalsLength(call.channels, groups[0]?.kernels.length ?? 0);
    for (;;) {
      const totals = this.#waiting.get(this.#added);
      if (totals === undefined) return;
      this.#waiting.delete(this.#added);
      let at = 0;
      eachChunk(this.#chunkPixels, this.#ranges[this.#added++] as Range, (chunk) => {
        addTotals(this.#pass, totals.subarray(at, (at += length)), chunk);
        return true;
      });
    }
  }

  #settle(): void {
    if (this.open || this.#returned < this.#sent) return;
    if (this.#stopped) this.#reject(this.#stopped.reason);
    else if (this.#fault) {
      // Parts are sent in order, so none before the faulty one is left out: this is the first fault of all.
      try {
        refuse(this.#pass.call, this.#fault.fault);
      } catch (error) {
        this.#reject(error);
      }
    } else this.#resolve();
  }
}
