import { checkNames } from '../check/nearest.js';
import { show } from '../check/options.js';
import { useModule } from '../geometry.js';
import type { GivenModule } from '../module.js';

/** What the `setup` of metrics and geometric losses takes. */
export interface MetricsSetupOptions {
  /** `segloss/geometry.wasm`, compiled or as bytes, for runtimes that refuse to compile inlined code. */
  readonly module?: GivenModule | undefined;
}

/**
 * Gives the metrics, and the losses of `segloss/geometric`, their module. Optional; before the first of them, any number of
 * times.
 *
 * Errors: `Error` after that when it would change the module in use; `TypeError` and `RangeError` for what
 * is no module of the metrics, or an option that is none.
 *
 * @example
 * ```ts
 * import { confusionMatrix, setup } from 'segloss/metrics';
 *
 * setup({}); // the inlined module, as without it
 * confusionMatrix(new Uint8Array([0, 1]), new Uint8Array([0, 1])).dice(); // => 1
 * ```
 */
export function setup(options: MetricsSetupOptions): void {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new TypeError(`setup expected an options object, got ${show(options)}`);
  }
  checkNames(options, ['module'], 'setup options');
  if (options.module !== undefined) useModule(options.module);
}
