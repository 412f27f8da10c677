/**
 * Scores between label maps: overlap, surface distances, lesions. Integers in, no one-hot; independent of the losses.
 *
 * @module
 */
export type { LabelArray } from '../check/labels.js';
export { ShapeError } from '../errors.js';
export {
  type Average,
  ConfusionMatrix,
  confusionMatrix,
  type ConfusionMatrixOptions,
  type FBetaOptions,
  type Score,
  type ScoreOptions,
} from './confusion-matrix.js';
export { type Lesions, lesions, type LesionsCall } from './lesions.js';
export type { Counts } from './ratios.js';
export { type MetricsSetupOptions, setup } from './setup.js';
export { SurfaceDistances, surfaceDistances, type SurfaceDistancesCall } from './surface-distances.js';
