/**
 * The geometry module's memory: the only file that reads or writes it. Of metrics label maps go in, a tile at a time, and
 * lists of numbers come out, copied; of losses a class of a sample goes in and out by views of it.
 */
import { typeName } from './check/call.js';
import { ARRAYS, LABEL_KINDS } from './check/kinds.js';
import type { LabelArray } from './check/labels.js';
import { geometryText } from './core/geometry.js';
import { initSync, LossPlane as RawPlane, MaskPair, PairCounts } from './core/geometry-glue.js';
import { checkModule, type GivenModule, toModule } from './module.js';
import { fromText } from './text.js';

/** Exports by which the module is known. */
const EXPORTS = [
  'memory',
  'paircounts_new',
  'paircounts_count',
  'maskpair_of',
  'maskpair_measure_surfaces',
  'lossplane_of',
];

let memory: WebAssembly.Memory | undefined;
let given: GivenModule | undefined;
let counts: PairCounts | undefined;

function start(): WebAssembly.Memory {
  if (memory === undefined) {
    const module = given === undefined ? new WebAssembly.Module(fromText(geometryText)) : toModule(given);
    memory = initSync({ module }).memory;
  }
  return memory;
}

/** Takes this module instead of the inlined one. */
export function useModule(module: GivenModule): void {
  checkModule(module, EXPORTS, "segloss's geometry module");
  if (memory !== undefined && module !== given) {
    throw new Error('the geometry module already runs; call setup before the first metric or loss');
  }
  given = module;
}

/** Copies entries as they are to an address. Memory may have grown since the last call, so the view is made anew. */
function stage(kind: number, source: LabelArray, from: number, length: number, address: number): void {
  const Stage = ARRAYS[kind] as Uint8ArrayConstructor;
  const part = (source as Uint8Array).subarray(from, from + length);
  new Stage(start().buffer, address, length).set(part);
}

function read(address: number, length: number): Float64Array {
  return new Float64Array(start().buffer, address, length).slice();
}

/** Copies whether pixels are kept; the index of the first entry that is NaN, or −1. */
function stageMask(mask: ArrayLike<number>, from: number, length: number, address: number): number {
  const kept = new Uint8Array(start().buffer, address, length);
  if (typeName(mask) === 'Uint8Array') {
    kept.set((mask as Uint8Array).subarray(from, from + length));
    return -1;
  }
  for (let i = 0; i < length; i++) {
    const entry = mask[from + i] as number;
    if (Number.isNaN(entry)) return from + i;
    kept[i] = entry === 0 ? 0 : 1;
  }
  return -1;
}

/** The entry at which a pass stopped. */
export interface Refused {
  readonly argument: 'pred' | 'target' | 'mask';
  readonly index: number;
}

/** Triples of target label, predicted label, count; or the first entry that is no number to count. */
export function countPairs(
  pred: LabelArray,
  target: LabelArray,
  mask: ArrayLike<number> | undefined,
  ignoreIndex: number | undefined,
): Float64Array | Refused {
  start();
  const raw = (counts ??= new PairCounts());
  raw.clear();
  const [predKind, targetKind] = [LABEL_KINDS[typeName(pred)] ?? 0, LABEL_KINDS[typeName(target)] ?? 0];
  const [ignores, ignore] = [ignoreIndex !== undefined, ignoreIndex ?? 0];
  const tile = PairCounts.tile();
  const at = { pred: raw.pred(), target: raw.target(), mask: raw.mask() };
  for (let from = 0; from < pred.length; from += tile) {
    const length = Math.min(tile, pred.length - from);
    stage(predKind, pred, from, length, at.pred);
    stage(targetKind, target, from, length, at.target);
    if (mask !== undefined) {
      const bad = stageMask(mask, from, length, at.mask);
      if (bad >= 0) return { argument: 'mask', index: bad };
    }
    const bad = raw.count(targetKind, predKind, length, mask !== undefined, ignores, ignore);
    if (bad >= 0) return { argument: bad % 2 === 0 ? 'target' : 'pred', index: from + (bad >> 1) };
  }
  const length = raw.finish(targetKind, predKind, ignores, ignore);
  return read(raw.triples(), length);
}

/** A grid: extent and spacing along each axis, the last varying fastest. */
export interface Grid {
  readonly shape: readonly number[];
  readonly spacing: readonly number[];
}

/** Both masks in the module's memory, for the time of `measure`; or the first entry that is no integer. */
function withMasks<T>(
  pred: LabelArray,
  target: LabelArray,
  label: number,
  shape: readonly number[],
  measure: (masks: MaskPair) => T | undefined,
): T | Refused {
  start();
  const [depth, height, width] = three(shape);
  const masks = MaskPair.of(depth, height, width);
  if (masks === undefined) return refuseSize(shape);
  try {
    for (const [argument, labels] of [['pred', pred] as const, ['target', target] as const]) {
      const kind = LABEL_KINDS[typeName(labels)] ?? 0;
      for (let from = 0; from < labels.length; from += MaskPair.staged()) {
        const length = Math.min(MaskPair.staged(), labels.length - from);
        stage(kind, labels, from, length, masks.staging());
        const bad = masks.mark(kind, from, length, label, argument === 'target');
        if (bad >= 0) return { argument, index: from + bad };
      }
    }
    return measure(masks) ?? refuseSize(shape);
  } finally {
    masks.free();
  }
}

function refuseSize(shape: readonly number[]): never {
  throw new RangeError(
    `"shape" ${shape.join(' × ')} does not fit WebAssembly's memory; crop the volume to what is marked`,
  );
}

/** Three numbers, the last of the last axis. */
const three = (numbers: readonly number[]): [number, number, number] =>
  [1, 1, 1, ...numbers].slice(-3) as [number, number, number];

/** Distances of one mask's surface elements to the other surface, and their weights (empty: all 1). */
export interface Directed {
  readonly distances: Float64Array;
  readonly weights: Float64Array;
}

/** From the prediction to the target, and back. */
export function measureSurfaces(
  pred: LabelArray,
  target: LabelArray,
  label: number,
  { shape, spacing }: Grid,
  surfels: boolean,
): readonly [Directed, Directed] | Refused {
  return withMasks(pred, target, label, shape, (masks) => {
    const [z, y, x] = three(spacing);
    if (!masks.measure_surfaces(shape.length === 2, surfels, z, y, x)) return undefined;
    const side = (index: number): Directed => {
      const length = masks.elements(index);
      return {
        distances: read(masks.distances(index), length),
        weights: read(masks.weights(index), surfels ? length : 0),
      };
    };
    return [side(0), side(1)] as const;
  });
}

/** Components of a mask, and how many of them the other covers enough. */
export interface Components {
  readonly found: number;
  readonly covered: number;
}

/** Of the prediction, and of the target. `connectivity`: 0 faces, 1 edges, 2 corners. */
export function measureComponents(
  pred: LabelArray,
  target: LabelArray,
  label: number,
  shape: readonly number[],
  connectivity: number,
  minOverlap: number,
): readonly [Components, Components] | Refused {
  return withMasks(pred, target, label, shape, (masks) => {
    const of = (isTarget: boolean): Components => ({
      found: masks.find_components(isTarget, connectivity),
      covered: masks.covered_components(minOverlap),
    });
    return [of(false), of(true)] as const;
  });
}

/** Squared distance of every voxel to the nearest one of that label. */
export function squaredDistances(
  labels: LabelArray,
  label: number,
  { shape, spacing }: Grid,
): Float64Array | Refused {
  return withMasks(labels, labels, label, shape, (masks) => {
    const [z, y, x] = three(spacing);
    const address = masks.distance_transform(z, y, x);
    return address === 0 ? undefined : read(address, labels.length);
  });
}

/** One class of one sample in the module's memory: what a loss of distances or skeletons works on. */
export class LossPlane {
  readonly #raw: RawPlane;
  readonly #grid: Grid;
  readonly #spacing: readonly [number, number, number];
  readonly #length: number;

  constructor(grid: Grid, weighted: boolean) {
    start();
    const [depth, height, width] = three(grid.shape);
    this.#raw = RawPlane.of(grid.shape.length, depth, height, width, weighted) ?? refuseSize(grid.shape);
    this.#grid = grid;
    this.#spacing = three(grid.spacing);
    this.#length = depth * height * width;
  }

  free(): void {
    this.#raw.free();
  }

  /** p or p − g, ∞ where an element does not count; then what the loss left there. Each view is valid until the next call. */
  get values(): Float32Array {
    return this.#view(this.#raw.values());
  }

  get truths(): Float32Array {
    return this.#view(this.#raw.truths());
  }

  get weights(): Float32Array {
    return this.#view(this.#raw.weights());
  }

  get distances(): Float32Array {
    return this.#view(this.#enough(this.#raw.distances()));
  }

  /** Finds the signed distances of the target. */
  measure(): void {
    this.#enough(this.#raw.measure(...this.#spacing));
  }

  /** The sum, of p; `terms`: leaves its summands instead of its slopes. */
  boundary(inner: number, terms: boolean): number {
    return this.#raw.boundary(inner, terms);
  }

  /** The same, of p − g. */
  hausdorff(alpha: number, terms: boolean): number {
    return this.#raw.hausdorff(...this.#spacing, alpha, terms) ?? refuseSize(this.#grid.shape);
  }

  /** Of p. */
  clDiceSums(iterations: number): Float64Array {
    return read(this.#enough(this.#raw.cl_dice_sums(iterations)), 6);
  }

  /** Leaves the slopes of these multiples of the first, second and fourth sum. */
  clDiceSlopes(iterations: number, tp: number, p: number, other: number): void {
    this.#enough(this.#raw.cl_dice_slopes(iterations, tp, p, other));
  }

  #view(address: number): Float32Array {
    return new Float32Array(start().buffer, address, this.#length);
  }

  /** What a call gives, unless it says that memory did not suffice. */
  #enough<T extends number | boolean>(result: T): T {
    return result || refuseSize(this.#grid.shape);
  }
}
