import {
  checkFunction,
  checkName,
  checkOptions,
  copy,
  refuse,
  REGION,
  type Rules,
  show,
} from '../check/options.js';
import { checkNames } from '../check/nearest.js';
import { sumsLoss } from '../define.js';
import { SUM_NAMES } from '../term.js';
import type { Loss, RegionOptions, RegionSums } from '../types.js';

/** A loss of one (sample, class) from its sums, with its partial derivatives; a sum left out has derivative 0. */
export type RegionFormula<O> = (
  sums: Readonly<RegionSums>,
  options: O,
) => { readonly value: number; readonly partials: Readonly<Partial<RegionSums>> };

const anything = (): void => undefined;

/**
 * A region loss of one's own: a formula of a few sums, with everything else (activations, options, gradient) done.
 *
 * Formula: yours, of tp = Σwpg, p = Σwp, g = Σwg, p2 = Σwp², g2 = Σwg², fgError = Σw(g−p)²g, bgError = Σw(g−p)²(1−g),
 * n = Σw, with the partial derivatives with respect to these as if they were independent. It is called once per
 * (sample, class), or per sample with `aggregate: 'batch'` and pooled with `average: 'micro'`.
 * Gradient: w(a·g + b + 2c·p + 2(p − g)(d·g + e(1 − g))) by p, with the partials a by tp, b by p, c by p2, d by
 * fgError, e by bgError.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: yours.
 * Empty: the formula's own at g = 0, or what `emptyClass` says without calling it. A call without pixels is 0.
 * Weights: as `diceLoss`.
 * Numerics: sums in f64; `checkGradient` finds wrong partial derivatives.
 * Errors: `TypeError` when the formula returns no number or an unknown partial; unknown options as every loss.
 * Source: the sums of C. H. Sudre et al., 2017, and T. Brosch et al., 2015; the formula is the caller's.
 *
 * @example
 * ```ts
 * import { regionLoss } from 'segloss';
 *
 * // The share of predicted volume that is wrong.
 * const falseDiscovery = regionLoss('falseDiscovery', ({ tp, p }, { smooth1 }) => ({
 *   value: 1 - tp / (p + smooth1),
 *   partials: { tp: -1 / (p + smooth1), p: tp / (p + smooth1) ** 2 },
 * }), { smooth1: 1e-5 });
 * const loss = falseDiscovery({ activation: 'none' });
 * loss.value(new Float32Array([1, 1]), new Uint8Array([1, 0]), { shape: [1, 1, 2] }); // => 0.5
 * ```
 */
export function regionLoss<O extends object = object>(
  name: string,
  formula: RegionFormula<O>,
  defaults?: O,
): (options?: RegionOptions & Partial<O>) => Loss {
  checkName(name, 'name');
  checkFunction(formula, 'formula');
  const own = copy(defaults ?? {}) as O;
  if (typeof own !== 'object') throw new TypeError(`"defaults" expected an object, got ${show(own)}`);
  const taken = Object.keys(own).find((option) => option in REGION && option !== 'smooth');
  if (taken !== undefined)
    refuse(`"defaults" of ${name} has "${taken}", an option every region loss has already`);
  const rules: Rules = {
    ...REGION,
    ...Object.fromEntries(Object.keys(own).map((option) => [option, anything])),
  };
  return (options) => {
    const given = checkOptions<RegionOptions & Partial<O>>(name, options, rules);
    const inForce = { ...own, ...given };
    return sumsLoss(name, given, {
      allSums: true,
      foreign: true,
      score: (sums, into) => {
        const [tp, p, g, p2] = [sums[0]!, sums[1]!, sums[2]!, sums[3]!];
        const [g2, fgError, bgError, n] = [sums[4]!, sums[5]!, sums[6]!, sums[7]!];
        const named: RegionSums = { tp, p, g, p2, g2, fgError, bgError, n };
        const result: unknown = formula(named, inForce);
        const { value, partials } = (result ?? {}) as { value?: unknown; partials?: unknown };
        if (typeof value !== 'number' || typeof partials !== 'object' || partials === null) {
          throw new TypeError(
            `the formula of ${name} expected to return { value, partials }, got ${show(result)}`,
          );
        }
        checkNames(partials, SUM_NAMES, `the partials of ${name}`);
        SUM_NAMES.forEach((sum, i) => {
          const partial: unknown = (partials as Record<string, unknown>)[sum] ?? 0;
          if (typeof partial !== 'number') {
            throw new TypeError(`partials.${sum} of ${name} expected a number, got ${show(partial)}`);
          }
          into[i] = partial;
        });
        return value;
      },
      formula: 'a formula of region sums of its own',
      own: Object.fromEntries(
        // Smoothing is in force only where the formula's own defaults have it, or the caller gave it.
        Object.entries(inForce).filter(([option]) => option in own || option === 'smooth'),
      ),
    });
  };
}
