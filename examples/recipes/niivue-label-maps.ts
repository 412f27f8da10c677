/** niivue: what the user drew against a loaded truth. */
import assert from 'node:assert/strict';
import { confusionMatrix, surfaceDistances } from 'segloss/metrics';

/** Of niivue's `Niivue` and `NVImage`, what is read here. */
interface Drawing {
  readonly drawBitmap: Uint8Array | null;
}
interface LabelVolume {
  readonly dimsRAS?: number[]; // [3, x, y, z]
  readonly pixDimsRAS?: number[]; // [1, x, y, z] in mm
  img2RAS(): Uint8Array | Int16Array | Uint16Array | Float32Array | Float64Array;
}

function scoreDrawing(nv: Drawing, truth: LabelVolume, label = 1) {
  if (!nv.drawBitmap || !truth.dimsRAS || !truth.pixDimsRAS) throw new Error('nothing is drawn or loaded');
  // A drawing lies in RAS order; `truth.img` lies as in its file and need not.
  const labels = truth.img2RAS();
  // x is fastest, so shape and spacing go from z to x.
  const shape = truth.dimsRAS.slice(1, 4).reverse();
  const spacing = truth.pixDimsRAS.slice(1, 4).reverse();
  const dice = confusionMatrix(nv.drawBitmap, labels).dice({ includeBackground: false });
  return { dice, surfaces: surfaceDistances(nv.drawBitmap, labels, { shape, spacing, label }) };
}

// A volume of 4 x 3 x 2 voxels of 1 x 1 x 3 mm whose file has x from right to left, as many have.
const size = { x: 4, y: 3, z: 2 };
const at = (x: number, y: number, z: number): number => x + size.x * (y + size.y * z);
const inFile = new Int16Array(24);
inFile[at(0, 1, 0)] = 1; // the rightmost voxel of its row
const truth: LabelVolume = {
  dimsRAS: [3, size.x, size.y, size.z],
  pixDimsRAS: [1, 1, 1, 3],
  img2RAS: () => inFile.map((_, i) => inFile[i - 2 * (i % size.x) + size.x - 1] ?? 0),
};
const drawBitmap = new Uint8Array(24);
drawBitmap[at(3, 1, 0)] = 1;
const same = scoreDrawing({ drawBitmap }, truth);
assert.equal(same.dice, 1);
assert.equal(same.surfaces.hausdorff(), 0);

// Drawn one slice too high: 3 mm away, not 1.
drawBitmap.fill(0);
drawBitmap[at(3, 1, 1)] = 1;
const above = scoreDrawing({ drawBitmap }, truth);
assert.equal(above.dice, 0);
assert.equal(above.surfaces.hausdorff(), 3);
assert.throws(() => scoreDrawing({ drawBitmap: null }, truth), /nothing is drawn/);
