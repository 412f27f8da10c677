/** Losses of several classes that a peer averages in a way of its own, as one formula of all their sums. */
import { ROWS, type Score, SUM } from '../term.js';

interface Averaging {
  /** The loss of one class. */
  readonly score: Score;
  /** The share of each class, from its weight and its Σg; all 0: the loss of such a sample is `otherwise`. */
  readonly shares: (weights: readonly number[], g: readonly number[]) => readonly number[];
  readonly otherwise?: number;
}

/** Σ_k share_k·L_k. */
export function averaged({ score, shares, otherwise = 0 }: Averaging): Score {
  return (sums, partials, where) => {
    const { weights } = where;
    partials.fill(0);
    const share = shares(
      weights,
      weights.map((_, i) => sums[i * ROWS + SUM.g] ?? 0),
    );
    if (share.every((w) => w === 0)) return otherwise;
    let value = 0;
    share.forEach((w, i) => {
      // A class that has no share is out, whatever its sums hold.
      if (w === 0) return;
      const own = partials.subarray(i * ROWS, (i + 1) * ROWS);
      value += w * score(sums.subarray(i * ROWS, (i + 1) * ROWS), own, where);
      for (let r = 0; r < ROWS; r++) own[r]! *= w;
    });
    return value;
  };
}

/** The mean over the classes that have a target, by their weights. */
export function ofPresent(weights: readonly number[], g: readonly number[]): number[] {
  const present = weights.map((w, i) => ((g[i] ?? 0) > 0 ? w : 0));
  const total = present.reduce((a, b) => a + b, 0);
  return present.map((w) => (total > 0 ? w / total : 0));
}
