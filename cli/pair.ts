/** Prediction and truth of a case, read and laid on one grid. */
import type { Case } from './cases.js';
import { foregroundOf, labelsOf, thresholded } from './labels.js';
import { onGridOf } from './grid.js';
import { readVolume } from './read/index.js';
import type { Volume } from './read/volume.js';

export interface PairOptions {
  readonly threshold?: number;
  readonly foreground?: boolean;
  readonly ignore?: number;
}

export interface Pair {
  readonly pred: Volume;
  readonly truth: Volume;
  readonly notes: readonly string[];
}

export const REORIENTED = "the prediction's axes run otherwise; it was laid on the grid of the truth";

/** Both as label maps. */
export async function readPair(one: Case, { threshold, foreground, ignore }: PairOptions): Promise<Pair> {
  const truth = labelsOf(await readVolume(one.truth));
  const read = await readVolume(one.pred);
  const { pred, reoriented } = onGridOf(
    truth,
    threshold === undefined ? labelsOf(read) : thresholded(read, threshold),
  );
  const binary = (volume: Volume): Volume => (foreground ? foregroundOf(volume, ignore) : volume);
  return { pred: binary(pred), truth: binary(truth), notes: reoriented ? [REORIENTED] : [] };
}
