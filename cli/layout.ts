/** Which axis of a prediction is what, and both files laid in one order for it. */
import { CaseError } from './errors.js';
import { inOrderC, onGridOf } from './grid.js';
import { extensionOf } from './read/index.js';
import { showShape, type Volume } from './read/volume.js';

export interface Layout {
  readonly pred: Volume;
  readonly truth: Volume;
  /** The prediction's, as a loss wants it. */
  readonly shape: readonly number[];
  readonly dataFormat: 'channelsFirst' | 'channelsLast';
  /** Whether the truth has one value an entry of the prediction, not a label a pixel. */
  readonly dense: boolean;
  readonly reoriented: boolean;
}

const isNifti = ({ path }: Volume): boolean => extensionOf(path).startsWith('.nii');

const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** With the axes of length 1 that the reader leaves out behind a picture. */
function inThreeAxes(volume: Volume): Volume {
  const pad = (list: readonly number[]): number[] => [...list, 1, 1].slice(0, Math.max(list.length, 3));
  return { ...volume, shape: pad(volume.shape), ...(volume.spacing && { spacing: pad(volume.spacing) }) };
}

/** (x, y, z) or (x, y, z, classes), on the grid of the truth. */
function niftiLayout(read: Volume, given: Volume): Layout {
  const truth = read.shape.length === 4 ? inThreeAxes(given) : given;
  const dense = read.shape.length === 4 && truth.shape.length === 4;
  const classes = read.shape.length === truth.shape.length + 1 || dense ? read.shape.at(-1)! : 1;
  const { pred, reoriented } = onGridOf(truth, read, !dense && classes > 1 ? 1 : 0);
  const spatial = truth.shape.slice(0, 3).reverse();
  return { pred, truth, shape: [1, classes, ...spatial], dataFormat: 'channelsFirst', dense, reoriented };
}

/** Letters such as NCHW: N samples, C classes, any other an axis of space. */
function guessAxes(pred: Volume, truth: Volume): string {
  const [p, t] = [pred.shape, truth.shape];
  const space = 'DHW'.slice(-Math.min(t.length, 3));
  if (equal(p, t) && p.length <= 3) return space;
  const without = (axis: number): number[] => p.filter((_, i) => i !== axis);
  const candidates = [
    ...(equal(without(0), t) && t.length <= 3 ? [`C${space}`] : []),
    ...(equal(without(1), t) && t.length > 1 ? [`NC${'DHW'.slice(-(t.length - 1))}`] : []),
    ...(equal(without(p.length - 1), t) ? [t.length <= 3 ? `${space}C` : 'NDHWC'] : []),
  ];
  if (candidates.length === 1) return candidates[0]!;
  const shapes = `${pred.path} is ${showShape(p)} and ${truth.path} ${showShape(t)}`;
  if (candidates.length > 1 || (equal(p, t) && p.length > 3)) {
    const fit = candidates.length > 1 ? ` (${candidates.join(', ')} fit)` : '';
    throw new CaseError(
      `${shapes}: their shapes do not tell which axis holds the classes${fit}; say it with --axes, such as --axes NCHW.`,
    );
  }
  throw new CaseError(
    `${shapes}; expected one shape, or the prediction with one axis more, for the classes. Did one of them lose or gain an axis?`,
  );
}

function arrayLayout(pred: Volume, truth: Volume, given: string | undefined): Layout {
  const axes = given ?? guessAxes(pred, truth);
  const { shape } = pred;
  if (axes.length !== shape.length) {
    throw new CaseError(
      `--axes ${axes} expected an array of ${axes.length} axes, got ${pred.path} of ${showShape(shape)}.`,
    );
  }
  const [samples, classes] = [axes.indexOf('N'), axes.indexOf('C')];
  const last = classes === axes.length - 1 && classes > samples + 1;
  if (samples > 0 || (classes > samples + 1 && !last)) {
    throw new CaseError(`--axes ${axes} expected N first, and C behind it or last; transpose ${pred.path}.`);
  }
  const dense = equal(truth.shape, shape) && classes >= 0;
  const labels = shape.filter((_, i) => i !== classes);
  if (!dense && !equal(truth.shape, labels)) {
    throw new CaseError(
      `${truth.path} is ${showShape(truth.shape)}; with the prediction ${showShape(shape)} as ${axes} expected ${showShape(labels)} (labels) or ${showShape(shape)} (one value a class).`,
    );
  }
  const whole = [...(samples < 0 ? [1] : []), ...shape];
  if (classes < 0) whole.splice(1, 0, 1);
  return {
    pred,
    truth,
    shape: whole,
    dataFormat: last ? 'channelsLast' : 'channelsFirst',
    dense,
    reoriented: false,
  };
}

export function layoutOf(pred: Volume, truth: Volume, axes: string | undefined): Layout {
  if (!isNifti(pred) || !isNifti(truth)) return arrayLayout(inOrderC(pred), inOrderC(truth), axes);
  if (axes !== undefined) {
    throw new CaseError(
      `--axes is for .npy files; the axes of ${pred.path} are x, y, z and then the classes.`,
    );
  }
  return niftiLayout(pred, truth);
}
