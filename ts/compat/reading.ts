/** A loss whose peer reads a call otherwise than the package does. */
import { TermLoss } from '../loss.js';
import type { Loss, LossCall, Target } from '../types.js';

/** The target and the call that the loss is given, from those that the caller gave. */
export type Read = (target: Target, call: LossCall) => [Target, LossCall];

class ReadingLoss extends TermLoss {
  override readonly ownTarget = true;
  readonly #read: Read;

  constructor(name: string, options: object, loss: TermLoss, read: Read) {
    super({ name, options: options as Record<string, unknown> }, loss.terms, loss.describe());
    this.#read = read;
  }

  override channelsLast(): TermLoss {
    throw new RangeError(`${this.name} reads its target with the channels first`);
  }

  protected override read(target: Target, call: LossCall): [Target, LossCall] {
    const shape: unknown = (call as Partial<LossCall> | undefined)?.shape;
    // What is no call or no typed array is refused further on, as ever.
    return Array.isArray(shape) && ArrayBuffer.isView(target) ? this.#read(target, call) : [target, call];
  }
}

/** The loss, which is one of the package, under a name and options of its own, with channels first. */
export function reading(name: string, options: object, loss: Loss, read: Read): Loss {
  if (!(loss instanceof TermLoss)) throw new TypeError(`${loss.name} is no loss of this package`);
  return new ReadingLoss(name, options, loss, read);
}

/** Pixels of a sample. */
export function pixelsOf({ shape }: LossCall): number {
  return shape.slice(2).reduce((product, size) => product * size, 1);
}
