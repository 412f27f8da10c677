/** cornerstone3D (OHIF): the segments of two label-map volumes against each other. */
import assert from 'node:assert/strict';
import { confusionMatrix, type LabelArray, surfaceDistances } from 'segloss/metrics';

/** Of cornerstone's `ImageVolume`, as `cache.getVolume(id)` gives it, what is read here. */
interface LabelVolume {
  readonly dimensions: readonly number[]; // [x, y, z]
  readonly spacing: readonly number[]; // [x, y, z] in mm
  readonly voxelManager: { getCompleteScalarDataArray(): ArrayLike<number> };
}

/** The voxels; copied only where they come as a plain array. */
function labelsOf({ voxelManager }: LabelVolume): LabelArray {
  const data = voxelManager.getCompleteScalarDataArray();
  return ArrayBuffer.isView(data) ? (data as unknown as LabelArray) : Int32Array.from(data);
}

function scoreSegments(pred: LabelVolume, truth: LabelVolume) {
  const [a, b] = [labelsOf(pred), labelsOf(truth)];
  // x is fastest, so shape and spacing go from z to x.
  const call = { shape: [...truth.dimensions].reverse(), spacing: [...truth.spacing].reverse() };
  const matrix = confusionMatrix(a, b);
  const segments = matrix.labels.filter((label) => label !== 0);
  return segments.map((label) => {
    const { tp, fp, fn } = matrix.counts(label);
    const hausdorff95 = surfaceDistances(a, b, { ...call, label }).hausdorff(95);
    return { label, dice: (2 * tp) / (2 * tp + fp + fn), hausdorff95 };
  });
}

// Two volumes of 3 x 2 x 2 voxels of 2 x 1 x 5 mm; segment 2 is one voxel of x off, segment 7 is only in the truth.
const volume = (data: ArrayLike<number>): LabelVolume => ({
  dimensions: [3, 2, 2],
  spacing: [2, 1, 5],
  voxelManager: { getCompleteScalarDataArray: () => data },
});
const truth = volume(Uint8Array.of(1, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 7));
const drawn = volume([1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
assert.deepEqual(scoreSegments(drawn, truth), [
  { label: 1, dice: 1, hausdorff95: 0 },
  { label: 2, dice: 0, hausdorff95: 2 },
  { label: 7, dice: 0, hausdorff95: Infinity },
]);
