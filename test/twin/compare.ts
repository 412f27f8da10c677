/** One case: the library against the twin. */
import * as geometric from '../../ts/geometric/index.js';
import * as segloss from '../../ts/index.js';
import type { Loss } from '../../ts/index.js';
import { type Case, type Data, dataOf } from './cases.js';
import {
  COMPOUND_LOSSES,
  type Config,
  differenceError,
  PIXEL_LOSSES,
  stepOf,
  type Twin,
  twinOf,
  twinSlope,
  twinUnreduced,
} from './index.js';
import { at, cube, flatten, sum } from './problem.js';
import { random } from './random.js';

/** The library's loss. */
export function make({ name, options, terms }: Config): Loss {
  if (terms !== undefined)
    return segloss.weightedSum(terms.map(([weight, term]) => [weight, make(term)] as const));
  const factory = { ...segloss, ...geometric }[name as 'diceLoss'];
  return factory(options);
}

const VALUE = 1e-6;
const GRADIENT = 2e-6;
/** Samples of one pixel: every entry of a region loss's gradient is a difference of summands far larger than it. */
const GRADIENT_OF_ONE_PIXEL = 1e-5;
/** Entries of the gradient looked at one by one, beside one direction in which all of them move; few where they cost. */
const entriesOf = (length: number): number => (length > 2000 ? 2 : Math.min(length, 6));

const largest = (numbers: Iterable<number>): number => {
  let most = 0;
  for (const x of numbers) most = Math.max(most, Math.abs(x));
  return most;
};

function describeCase({ config, size, kind, with: brought, seed }: Case): string {
  const { samples, channels, spatial } = size;
  const options = JSON.stringify(config.terms ?? config.options);
  const target = `${kind.form} ${kind.array}`;
  return `${config.name} ${options} [${[samples, channels].join()}|${spatial.join()}] ${target} ${JSON.stringify(brought)} seed ${seed}`;
}

/** What the error of a value is relative to. */
function scaleOf({ config: { name, options }, problem }: Twin, value: number): number {
  // The terms of the boundary loss have both signs.
  if (PIXEL_LOSSES.includes(name) && name !== 'boundaryLoss') return Math.abs(value);
  // A loss 1 − s near 0 carries the rounding of s, of which each (sample, class) has one.
  const { classWeights, reduction } = options;
  const weights =
    reduction === 'sum' ? sum(problem.v) * sum(problem.kept.map((k) => classWeights?.[k] ?? 1)) : 1;
  return Math.max(Math.abs(value), 0.2 * weights);
}

function compareGradient(
  twin: Twin,
  pred: ArrayLike<number>,
  grad: Float32Array,
  valueScale: number,
  relative: number,
): string | undefined {
  const slope = twinSlope(twin, pred);
  const r = random(pred.length);
  const rounding = Math.abs(twin.upstream) * differenceError(valueScale, stepOf(twin.config));
  const most = largest(grad);
  if (!Number.isFinite(most)) return 'gradient not finite';
  for (let n = 0; n < entriesOf(pred.length); n++) {
    const entry = r.below(pred.length);
    const expected = slope((i) => Number(i === entry));
    const got = grad[entry] ?? NaN;
    if (!(Math.abs(got - expected) <= relative * most + rounding)) {
      return `gradient[${entry}] ${got}, twin ${expected}, largest ${most}`;
    }
  }
  const signs = Array.from(pred, () => (r.next() < 0.5 ? -1 : 1));
  const expected = slope((i) => signs[i] as number);
  const got = sum(Array.from(grad, (x, i) => x * (signs[i] as number)));
  if (Math.abs(got - expected) <= relative * sum(Array.from(grad, Math.abs)) + rounding) return undefined;
  return `gradient along a direction ${got}, twin ${expected}, largest ${most}`;
}

/** What is wrong, in words; nothing if all is right. */
export function compareData(config: Config, data: Data, relative = GRADIENT): string[] {
  const { pred, target, call } = data;
  const loss = make(config);
  const found: string[] = [];
  const wrong = (what: string): void => {
    found.push(what);
  };

  const { value, grad } = loss.valueAndGrad(pred, target, call);
  const twin = twinOf(config, target, call);
  const expected = twin.value(pred);
  // A sum with terms of both signs cancels: its scale is that of its terms.
  const scale = largest(
    (twin.terms ?? [{ weight: 1, twin }]).map(
      ({ weight, twin: term }) => weight * scaleOf(term, term.value(pred)),
    ),
  );
  if (!(Math.abs(value - expected) <= VALUE * scale)) wrong(`value ${value}, twin ${expected}`);
  if (!Object.is(loss.value(pred, target, call), value)) wrong('value() has other bits');
  if (!Object.is(loss.evaluate(pred, target, call).value, value)) wrong('evaluate().value has other bits');

  const gradient = compareGradient(twin, pred, grad, scale, relative);
  if (gradient !== undefined) wrong(gradient);
  if (config.terms !== undefined) return found;

  const { problem } = twin;
  const valid = flatten(
    problem,
    cube(problem, (b, i, k) => Number(at(problem.valid, b, i, k))),
  );
  if (valid.some((counts, i) => counts === 0 && !Object.is(grad[i], 0)))
    wrong('gradient not +0 where ignored or masked');

  if (COMPOUND_LOSSES.includes(config.name)) return found;

  // What an unreduced loss is where nothing counts is left open.
  const weights = cube(problem, (b, i, k) => at(problem.w, b, i, k) * (problem.v[b] as number));
  if (flatten(problem, weights).every((w, i) => w * (valid[i] as number) === 0)) return found;
  const unreduced = loss.unreduced(pred, target, call);
  const wanted = twinUnreduced(twin, pred);
  const bound =
    VALUE * Math.max(scaleOf(twin, 0) && 0.2, largest(wanted.data.filter((x) => !Number.isNaN(x))));
  if (unreduced.shape.join() !== wanted.shape.join())
    wrong(`unreduced shape ${unreduced.shape.join()}, twin ${wanted.shape.join()}`);
  const off = wanted.data.findIndex((x, i) => {
    const got = unreduced.data[i] ?? Infinity;
    return Number.isNaN(x) ? !Number.isNaN(got) : !(Math.abs(got - x) <= bound);
  });
  if (off >= 0 || unreduced.data.length !== wanted.data.length) {
    wrong(`unreduced[${off}] ${unreduced.data[off]}, twin ${wanted.data[off]}`);
  }
  return found;
}

export function compare(one: Case): string[] {
  const { config, size } = one;
  const onePixel = size.spatial.length === 0 && !PIXEL_LOSSES.includes(config.name);
  const found = compareData(config, dataOf(one), onePixel ? GRADIENT_OF_ONE_PIXEL : GRADIENT);
  return found.map((what) => `${what}: ${describeCase(one)}`);
}
