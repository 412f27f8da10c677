import { type LabelArray, refuseEntry } from '../check/labels.js';
import { number, oneOfNumbers } from '../check/options.js';
import { measureComponents } from '../geometry.js';
import { brief, printed } from '../inspect.js';
import { checkLabelCall } from './surface-distances.js';

/** What `lesions` takes beside the two label maps. */
export interface LesionsCall {
  /** `[height, width]` or `[depth, height, width]` of both label maps. */
  readonly shape: readonly number[];
  /** How many neighbours of a voxel belong to its lesion: 6, 18 or 26 (default); in a picture 4 or 8 (default). */
  readonly connectivity?: number | undefined;
  /** The fraction of a lesion's voxels that the other mask must cover, in [0, 1]; at least one voxel. Default 0. */
  readonly minOverlap?: number | undefined;
  /** The label that marks lesions; default 1. */
  readonly label?: number | undefined;
}

/** How many lesions were found. */
export interface Lesions {
  /** Lesions of the target that the prediction covers. */
  readonly hits: number;
  /** Lesions of the target that it does not. */
  readonly misses: number;
  /** Lesions of the prediction that the target does not cover. */
  readonly falseAlarms: number;
  /** hits/(hits + misses) */
  readonly sensitivity: number;
  /** hits/(hits + falseAlarms) */
  readonly precision: number;
  /** 2·hits/(2·hits + misses + falseAlarms) */
  readonly f1: number;
}

/** Codes of the connectivities, as the geometry module knows them. */
const CONNECTIVITIES: Readonly<Record<number, Readonly<Record<number, number>>>> = {
  2: { 4: 0, 8: 2 },
  3: { 6: 0, 18: 1, 26: 2 },
};

/**
 * Counts lesions: connected components of a label, in the target and in the prediction, and which of them meet.
 *
 * Formula: a lesion is covered when the other mask marks at least one of its voxels and at least `minOverlap` of them.
 * Hits are the target's lesions that are covered, misses the others, false alarms the prediction's lesions that are not
 * covered. Sensitivity hits/(hits + misses), precision hits/(hits + false alarms), F1 their harmonic mean. A predicted
 * lesion that covers two of the target counts as two hits; two within one count as one.
 * Shapes: label maps of `shape`, `[height, width]` or `[depth, height, width]`, of any type that holds integers.
 * Units and range: numbers of lesions; ratios in [0, 1], NaN where they are 0/0. Numbers of several cases may be added.
 * Numerics: exact (`test/metrics-oracle.test.ts`).
 * Errors: as `surfaceDistances`; `RangeError` for a connectivity that the rank of `shape` does not have.
 *
 * @example
 * ```ts
 * import { lesions } from 'segloss/metrics';
 *
 * const target = new Uint8Array([1, 1, 0, 0, 1, 0, 0]);
 * const pred = new Uint8Array([0, 1, 0, 0, 0, 0, 1]);
 * const { hits, misses, falseAlarms, f1 } = lesions(pred, target, { shape: [1, 7] });
 * [hits, misses, falseAlarms, f1]; // => [1, 1, 1, 0.5]
 * ```
 */
export function lesions(pred: LabelArray, target: LabelArray, call: LesionsCall): Lesions {
  const { shape, label, rest } = checkLabelCall(pred, target, call, ['connectivity', 'minOverlap']);
  const codes = CONNECTIVITIES[shape.length] ?? {};
  const accepted = Object.keys(codes).map(Number);
  const { connectivity = Math.max(...accepted), minOverlap = 0 } = rest;
  oneOfNumbers(...accepted)(connectivity, 'connectivity');
  number({ min: 0, max: 1 })(minOverlap, 'minOverlap');
  const code = codes[connectivity] ?? 0;
  const measured = measureComponents(pred, target, label, shape, code, minOverlap);
  if ('argument' in measured)
    refuseEntry({ pred, target, mask: [] }[measured.argument], measured.argument, measured.index);
  const [predicted, truth] = measured;
  const hits = truth.covered;
  const misses = truth.found - hits;
  const falseAlarms = predicted.found - predicted.covered;
  const found: Lesions = {
    hits,
    misses,
    falseAlarms,
    sensitivity: hits / (hits + misses),
    precision: hits / (hits + falseAlarms),
    f1: (2 * hits) / (2 * hits + misses + falseAlarms),
  };
  return printed(found, () => {
    const counts = `${hits} hits, ${misses} misses, ${falseAlarms} false alarms`;
    const ratios = (['sensitivity', 'precision', 'f1'] as const).map(
      (name) => `${name} ${brief(found[name])}`,
    );
    return `Lesions: ${counts}; ${ratios.join(', ')}`;
  });
}
