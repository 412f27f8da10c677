/**
 * Losses of distances and skeletons: boundary, Hausdorff distance, clDice. Apart from the others, since they need the geometry
 * module beside the core.
 *
 * @module
 */
export { boundaryLoss, type BoundaryOptions } from './boundary.js';
export { clDiceLoss, type ClDiceOptions } from './cl-dice.js';
export { distanceMaps, type DistanceMapsOptions } from './distance-maps.js';
export { hausdorffLoss, type HausdorffOptions } from './hausdorff.js';
export type { DistanceOptions } from './planes.js';
export { type MetricsSetupOptions, setup } from '../metrics/setup.js';
