/** Losses that are a mean over elements, each weighed by a distance. */
import { distances } from './grid.js';
import { classWeight, times } from './pixel.js';
import { at, cube, type Cube, flatten, memory, type Options, type Problem, shapeOf, sum } from './problem.js';
import { allProbabilities } from './region.js';
import type { Unreduced, WholeLoss } from './whole.js';

/** The loss of an element, of p, g and the distances of target and prediction. */
type Term = (p: number, g: number, ofTarget: number, ofPrediction: number) => number;

const planesOf = memory<(readonly number[])[]>();
/** `ofBoth`: whether the distances of the prediction are looked at. */
function terms(options: Options, problem: Problem, z: Cube, term: Term, ofBoth: boolean): Cube {
  const { channels, spatial, kept, valid } = problem;
  const p = allProbabilities(problem, z);
  /** The distances in each class of each sample. */
  const planes = (from: Cube): (readonly number[])[][] =>
    from.map((sample, b) =>
      planesOf(options, sample, () =>
        Array.from({ length: channels }, (_, k) => {
          const image = sample.map((pixel, i) => (at(valid, b, i, k) ? pixel[k] : undefined));
          return kept.includes(k) ? distances(image, spatial, options.spacing) : [];
        }),
      ),
    );
  const [ofTargets, ofPredictions] = [planes(problem.g), ofBoth ? planes(p) : []];
  return cube(problem, (b, i, k) => {
    if (!kept.includes(k) || !at(valid, b, i, k)) return 0;
    const own = term(
      at(p, b, i, k),
      at(problem.g, b, i, k),
      ofTargets[b]?.[k]?.[i] as number,
      ofPredictions[b]?.[k]?.[i] as number,
    );
    return times((problem.v[b] as number) * classWeight(options, k) * at(problem.w, b, i, k), own);
  });
}

function weighed(of: (options: Options) => Term, ofBoth: boolean, logarithmic = false): WholeLoss {
  return {
    value: (options, problem, z) => {
      const total = sum(terms(options, problem, z, of(options), ofBoth).flat(2));
      const elements = sum(
        problem.kept.map((k) => sum(problem.valid.flat().map((pixel) => Number(pixel[k])))),
      );
      const mean = options.reduction === 'sum' ? total : elements === 0 ? 0 : total / elements;
      return logarithmic ? Math.log(1 + mean) : mean;
    },
    unreduced: (options, problem, z): Unreduced => {
      return {
        data: flatten(problem, terms(options, problem, z, of(options), ofBoth)),
        shape: shapeOf(problem),
      };
    },
  };
}

const hausdorff = ({ alpha = 2 }: Options): Term => {
  const power = alpha as number;
  return (p, g, ofTarget, ofPrediction) =>
    (p - g) ** 2 * (Math.abs(ofTarget) ** power + Math.abs(ofPrediction) ** power);
};

export const GEOMETRIC_LOSSES: Readonly<Record<string, WholeLoss>> = {
  boundaryLoss: weighed(
    ({ spacing = [1] }) =>
      (p, _, ofTarget) => {
        const inner = ofTarget < 0 ? Math.min(...spacing) : 0;
        return p * (ofTarget + inner);
      },
    false,
  ),
  hausdorffLoss: weighed(hausdorff, true),
  logHausdorffLoss: weighed(hausdorff, true, true),
};
