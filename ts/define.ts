/** From checked options to a loss: the defaults every loss shares. */

import { TermLoss } from './loss.js';
import type { PixelTerm, RegionTerm, Term, WholeTerm } from './term.js';
import type { Loss, PixelOptions, RegionOptions, SharedOptions, Smooth, TransformOptions } from './types.js';

function shared(name: string, options: SharedOptions) {
  return {
    name,
    activation: options.activation,
    dataFormat: options.dataFormat ?? ('channelsFirst' as const),
    reduction: options.reduction ?? ('mean' as const),
    ignoreIndex: options.ignoreIndex,
    classes: options.classes,
    includeBackground: options.includeBackground ?? true,
    classWeights: options.classWeights,
  };
}

/** Options in force that the options given do not say. */
function described(term: Term): Record<string, unknown> {
  const common = {
    activation: term.activation ?? 'sigmoid for one channel, else softmax',
    dataFormat: term.dataFormat,
    reduction: term.reduction,
    ignoreIndex: term.ignoreIndex ?? 'none',
    classes: term.classes ?? (term.includeBackground ? 'all' : 'all but 0'),
    classWeights: term.classWeights ?? 1,
  };
  if (term.family === 'pixel') return { ...common, normalizer: term.normalizer, meanOver: term.meanOver };
  if (term.family === 'whole') return common;
  if (term.average === 'joint') return { ...common, aggregate: term.aggregate };
  return {
    ...common,
    aggregate: term.aggregate,
    average: term.average,
    classWeighting: term.classWeighting,
    emptyClass: term.emptyClass,
  };
}

function finish(term: Term, options: object, formula: string, own: object): TermLoss {
  const inForce = Object.entries({ ...described(term), ...own });
  const lines = inForce.map(
    ([name, value]) => `  ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const config = { name: term.name, options: options as Record<string, unknown> };
  return new TermLoss(config, [{ weight: 1, term }], [`${term.name}: ${formula}`, ...lines].join('\n'));
}

interface PixelDefinition {
  readonly kernel: number;
  readonly exponent?: number;
  readonly needsLogits?: boolean;
  readonly alpha?: PixelTerm['alpha'];
  readonly perClass?: PixelTerm['perClass'];
  readonly fill: PixelTerm['fill'];
  readonly formula: string;
  /** The loss's own options in force. */
  readonly own: object;
  /** The options as given. */
  readonly options: object;
}

/** A pixel loss whose kernel is another loss's, or serves compounds alone: no kernel has its name. */
export const pixelTermLoss = pixelLoss;

/** A pixel loss. */
export function pixelLoss(name: string, options: PixelOptions, definition: PixelDefinition): TermLoss {
  const term: PixelTerm = {
    ...shared(name, options),
    family: 'pixel',
    kernel: definition.kernel,
    exponent: definition.exponent ?? 0,
    needsLogits: definition.needsLogits ?? false,
    normalizer: options.normalizer ?? 'valid',
    meanOver: options.meanOver ?? 'elements',
    alpha: definition.alpha,
    perClass: definition.perClass ?? {},
    fill: definition.fill,
  };
  return finish(term, definition.options, definition.formula, definition.own);
}

interface RegionDefinition {
  readonly allSums: boolean;
  readonly joint?: boolean;
  readonly distances?: RegionTerm['distances'];
  readonly readsBatch?: boolean;
  readonly foreign?: boolean;
  readonly score: RegionTerm['score'];
  readonly formula: string;
  /** The loss's own options in force. */
  readonly own: object;
  /** The options as given, where the factory's are not those of a region loss. */
  readonly given?: object;
}

/** A region loss. */
export function sumsLoss(
  name: string,
  options: RegionOptions & TransformOptions,
  definition: RegionDefinition,
): TermLoss {
  const term: RegionTerm = {
    ...shared(name, options),
    family: 'region',
    allSums: definition.allSums,
    aggregate: options.aggregate ?? 'sample',
    average: definition.joint ? 'joint' : (options.average ?? 'macro'),
    classWeighting: options.classWeighting ?? 'normalized',
    emptyClass: options.emptyClass ?? 'score',
    overlap: options.overlap ?? 'product',
    distances: definition.distances,
    readsBatch: definition.readsBatch ?? false,
    foreign: definition.foreign ?? false,
    score: definition.score,
  };
  return finish(term, definition.given ?? options, definition.formula, definition.own);
}

interface WholeDefinition {
  readonly perClass?: WholeTerm['perClass'];
  readonly alpha?: WholeTerm['alpha'];
  readonly run: WholeTerm['run'];
  readonly formula: string;
  /** The loss's own options in force. */
  readonly own: object;
  /** The options as given. */
  readonly options: object;
}

/** A loss that needs all the data in hand. */
export function wholeLoss(name: string, options: SharedOptions, definition: WholeDefinition): Loss {
  const term: WholeTerm = {
    ...shared(name, options),
    family: 'whole',
    perClass: definition.perClass ?? {},
    alpha: definition.alpha,
    run: definition.run,
  };
  return finish(term, definition.options, definition.formula, definition.own);
}

/** Options of a loss that has a region part and a pixel part. */
export interface CompoundOptions extends PixelOptions, RegionOptions {}

interface CompoundDefinition {
  readonly parts: readonly (readonly [weight: number, part: TermLoss])[];
  readonly formula: string;
  /** The loss's own options in force. */
  readonly own: object;
  /** The options as given. */
  readonly options: object;
}

/** A loss made of others under a name of its own: their terms, which share one activation. */
export function compoundLoss(name: string, { parts, formula, own, options }: CompoundDefinition): Loss {
  const terms = parts.flatMap(([outer, part]) =>
    part.terms.map(({ weight, term }) => ({ weight: outer * weight, term })),
  );
  const lines = Object.entries(own).map(([option, value]) => `  ${option}: ${JSON.stringify(value)}`);
  const described = parts.map(
    ([weight, part]) => `  ${weight} × ${part.describe().replaceAll('\n', '\n  ')}`,
  );
  const config = { name, options: options as Record<string, unknown> };
  return new TermLoss(config, terms, [`${name}: ${formula}`, ...lines, ...described].join('\n'));
}

/** What a compound hands on to its pixel part and to its region part. */
export function partsOf(options: CompoundOptions): {
  readonly pixel: PixelOptions;
  readonly region: RegionOptions;
} {
  const { activation, dataFormat, reduction, ignoreIndex, classes, includeBackground, classWeights } =
    options;
  const both = { activation, dataFormat, reduction, ignoreIndex, classes, includeBackground, classWeights };
  const { normalizer, meanOver, aggregate, average, smooth, classWeighting, emptyClass } = options;
  return {
    pixel: { ...both, normalizer, meanOver },
    region: { ...both, aggregate, average, smooth, classWeighting, emptyClass },
  };
}

/** Both parts of `smooth`. */
export function smoothOf(smooth: number | Smooth | undefined, otherwise: number): Smooth {
  if (typeof smooth === 'object') return smooth;
  return { numerator: smooth ?? otherwise, denominator: smooth ?? otherwise };
}
