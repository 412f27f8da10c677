import { checkName, number, show } from '../check/options.js';
import { checkNames } from '../check/nearest.js';
import { TermLoss } from '../loss.js';
import type { WeightedTerm } from '../term.js';
import type { Loss, LossConfig } from '../types.js';

/** Options of `weightedSum`. */
export interface WeightedSumOptions {
  /** What the sum calls itself; default 'weightedSum'. */
  readonly name?: string | undefined;
}

function checkTerm(pair: unknown, i: number): [number, TermLoss] {
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new TypeError(`"terms[${i}]" expected a pair [weight, loss], got ${show(pair)}`);
  }
  number()(pair[0], `terms[${i}][0]`);
  if (!(pair[1] instanceof TermLoss)) {
    throw new TypeError(`"terms[${i}][1]" expected a loss of this package, got ${show(pair[1])}`);
  }
  if (pair[1].ownTarget) {
    throw new TypeError(
      `"terms[${i}][1]" makes its target itself, which no other term can read; for regions, give them the sum: regions(weightedSum(…), sets)`,
    );
  }
  return [pair[0] as number, pair[1]];
}

/** Throws where terms cannot read the same prediction. */
function checkTogether(terms: readonly WeightedTerm[]): void {
  const formats = new Set(terms.map(({ term }) => term.dataFormat));
  if (formats.size > 1) throw new RangeError('"dataFormat" of the terms differs; they read one prediction');
  const given = terms.filter(({ term }) => term.activation === 'none').length;
  if (given > 0 && given < terms.length) {
    throw new RangeError(
      `"activation" 'none' does not mix with sigmoid or softmax: one prediction cannot be both`,
    );
  }
}

/**
 * A weighted sum of losses: Dice + cross-entropy, Dice + focal and so on, at the price of one activation.
 *
 * Formula: Σ_j weight_j·loss_j. Nested sums are flattened. Any number of region losses costs the same as one.
 * Gradient: Σ_j weight_j·∂loss_j.
 * Shapes: those of the terms, which must agree in `dataFormat`; other options may differ.
 * Range: that of the terms, in their units; weights may have any sign.
 * Empty: each term's own.
 * Weights: each term's own; those of the call are for all.
 * Numerics: terms of equal activation and `ignoreIndex` share passes; the value is the sum of the terms' own values.
 * Errors: `RangeError` for an empty list, a weight that is not finite, terms whose `dataFormat` differs, or `'none'` mixed
 * with sigmoid or softmax; `TypeError` for a term that is no loss of this package. `unreduced` throws `Error`.
 * Source: F. Isensee et al., "nnU-Net", Nature Methods 18, 2021 (Dice + cross-entropy).
 *
 * @example
 * ```ts
 * import { crossEntropyLoss, diceLoss, weightedSum } from 'segloss';
 *
 * const loss = weightedSum([[1, diceLoss()], [0.5, crossEntropyLoss()]]);
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const labels = new Uint8Array([0, 1]);
 * loss.value(logits, labels, { shape: [1, 2, 2] }); // => 0.3052
 * ```
 */
export function weightedSum(
  terms: readonly (readonly [number, Loss])[],
  options: WeightedSumOptions = {},
): Loss {
  if (!Array.isArray(terms)) throw new TypeError(`"terms" expected pairs [weight, loss], got ${show(terms)}`);
  if (terms.length === 0) throw new RangeError('"terms" expected at least one pair [weight, loss], got none');
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new TypeError(`weightedSum expected an options object, got ${show(options)}`);
  }
  checkNames(options, ['name'], 'weightedSum options');
  if (options.name !== undefined) checkName(options.name, 'name');
  const pairs = terms.map(checkTerm);
  const flat = pairs.flatMap(([outer, loss]) =>
    loss.terms.map(({ weight, term }) => ({ weight: outer * weight, term })),
  );
  checkTogether(flat);
  const config: LossConfig = {
    name: 'weightedSum',
    options: options.name === undefined ? {} : { name: options.name },
    terms: pairs.map(([weight, loss]) => [weight, loss.toJSON()] as const),
  };
  const lines = pairs.map(([weight, loss]) => `${weight} × ${loss.describe().replaceAll('\n', '\n  ')}`);
  const name = options.name ?? 'weightedSum';
  return new TermLoss(config, flat, [`${name}: the sum of`, ...lines].join('\n'), name);
}
