/** One pass on its way through the workers. */
import { addTotals, type Pass } from '../pass.js';
import { eachChunk, type Fault, refuse, whole } from '../stream.js';
import { lengthOf, type Shipment } from './carrier.js';
import type { Reply, Request } from './protocol.js';

function isBefore({ chunk: a }: Fault, { chunk: b }: Fault): boolean {
  return a.sample < b.sample || (a.sample === b.sample && a.start < b.start);
}

export class Job {
  readonly done: Promise<void>;
  readonly #pass: Pass;
  readonly #shipment: Shipment;
  #sent = 0;
  #returned = 0;
  #fault: Fault | undefined;
  #stopped: { readonly reason: unknown } | undefined;
  #resolve!: () => void;
  #reject!: (reason: unknown) => void;

  constructor(pass: Pass, shipment: Shipment) {
    this.#pass = pass;
    this.#shipment = shipment;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Whether something is still to be sent. */
  get open(): boolean {
    return this.#sent < this.#shipment.deliveries && !this.#fault && !this.#stopped;
  }

  /** Sends the next delivery by `post`, and gives its number. */
  send(post: (request: Request, transfer: readonly ArrayBuffer[]) => void): number {
    const delivery = this.#sent;
    const { request, transfer } = this.#shipment.send(delivery);
    post(request, transfer);
    this.#sent++;
    return delivery;
  }

  /** Takes what a worker made of a delivery. */
  receive(delivery: number, reply: Reply): void {
    this.#returned++;
    const { error } = reply;
    if (error !== undefined) this.stop(new Error(`a worker of the pool failed: ${error}`));
    const fault = this.#shipment.receive(delivery, reply, !this.#fault && !this.#stopped);
    if (fault && (!this.#fault || isBefore(fault, this.#fault))) this.#fault = fault;
    this.#settle();
  }

  /** Sends nothing more; rejects when nothing is under way, so that no worker still writes. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    this.#shipment.stop();
    this.#settle();
  }

  /** Rejects at once: the workers are no more. */
  end(reason: unknown): void {
    this.#reject(reason);
  }

  #settle(): void {
    if (this.open || this.#returned < this.#sent) return;
    try {
      if (this.#stopped) throw this.#stopped.reason;
      // Parts are begun in order, so none before a faulty one is left out: this is the first fault of all.
      if (this.#fault) refuse(this.#pass.call, this.#fault);
      this.#add();
      this.#shipment.finish();
      this.#resolve();
    } catch (error) {
      this.#reject(error);
    }
  }

  /** Adds what the chunks came to, in their order. */
  #add(): void {
    const { totals } = this.#shipment;
    if (!totals) return;
    const { call, groups } = this.#pass;
    const length = lengthOf(call, groups);
    let at = 0;
    eachChunk(call, whole(call), (chunk) => {
      addTotals(this.#pass, totals.subarray(at, (at += length)), chunk);
      return true;
    });
  }
}
