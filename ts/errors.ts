/**
 * The error kinds of the package.
 *
 * @module
 */

/**
 * A length, rank or shape that does not fit; a `RangeError` that also carries what was looked at.
 *
 * @example
 * ```ts
 * import { diceLoss, ShapeError } from 'segloss';
 *
 * let seen = '';
 * try {
 *   diceLoss().value(new Float32Array(7), new Uint8Array(8), { shape: [1, 1, 8] });
 * } catch (error) {
 *   if (error instanceof ShapeError) seen = error.argument;
 * }
 * seen; // => "pred"
 * ```
 */
export class ShapeError extends RangeError {
  override readonly name = 'ShapeError';
  /** The argument at fault, as the caller knows it. */
  readonly argument: string;
  /** What would have been right. */
  readonly expected: string;
  /** What came. */
  readonly received: string;

  constructor(argument: string, expected: string, received: string, hint = '') {
    super(`"${argument}" expected ${expected}, got ${received}${hint && `; ${hint}`}`);
    this.argument = argument;
    this.expected = expected;
    this.received = received;
  }
}
