/** Scores of one class from its counts; 0/0 is NaN. */

/** How the pixels of one class were predicted, the class against all others. */
export interface Counts {
  /** The class predicted where it is. */
  readonly tp: number;
  /** Predicted where it is not. */
  readonly fp: number;
  /** Not predicted where it is. */
  readonly fn: number;
  /** Not predicted where it is not. */
  readonly tn: number;
}

export type Ratio = (counts: Counts) => number;

export const dice: Ratio = ({ tp, fp, fn }) => (2 * tp) / (2 * tp + fp + fn);
export const jaccard: Ratio = ({ tp, fp, fn }) => tp / (tp + fp + fn);
export const sensitivity: Ratio = ({ tp, fn }) => tp / (tp + fn);
export const specificity: Ratio = ({ tn, fp }) => tn / (tn + fp);
export const precision: Ratio = ({ tp, fp }) => tp / (tp + fp);
export const negativePredictiveValue: Ratio = ({ tn, fn }) => tn / (tn + fn);
export const accuracy: Ratio = ({ tp, fp, fn, tn }) => (tp + tn) / (tp + fp + fn + tn);
export const balancedAccuracy: Ratio = (counts) => (sensitivity(counts) + specificity(counts)) / 2;
export const volumeSimilarity: Ratio = ({ tp, fp, fn }) => 1 - Math.abs(fn - fp) / (2 * tp + fp + fn);

export function fBeta(beta: number): Ratio {
  const b2 = beta * beta;
  return ({ tp, fp, fn }) => ((1 + b2) * tp) / ((1 + b2) * tp + b2 * fn + fp);
}

/** tp·tn − fp·fn, exact: with billions of pixels both products exceed what a float holds, and nearly cancel. */
function determinant({ tp, fp, fn, tn }: Counts): number {
  return Number(BigInt(tp) * BigInt(tn) - BigInt(fp) * BigInt(fn));
}

export const matthews: Ratio = (counts) => {
  const { tp, fp, fn, tn } = counts;
  return determinant(counts) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
};

export const cohenKappa: Ratio = (counts) => {
  const { tp, fp, fn, tn } = counts;
  return (2 * determinant(counts)) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn));
};
