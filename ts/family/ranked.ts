/** Losses of the hardest pixels: a pass finds every pixel's cross-entropy, the core selects, a pass takes their gradient. */
import { type CheckedCall, spatialOf, unweighted } from '../check/call.js';
import { countPass, type Group, runPass } from '../pass.js';
import { makeGroup } from '../plan.js';
import { unreducedPass } from '../stream.js';
import { type Classes, type PixelTerm, weighSpread, type Whole, type WholeTerm } from '../term.js';
import type { Activation } from '../types.js';
import { workspace } from '../workspace.js';
import { entropyTerm, isDistribution } from './entropy.js';

/** How many are selected at least, of so many, and above which loss all are. */
interface Rule {
  readonly labelSmoothing: number;
  /** Whether class weights go by the smoothed label. */
  readonly smoothedWeights: boolean;
  /** Whether losses are ranked without any weights. */
  readonly unweighted: boolean;
  /** What a share is of: the units that are valid, or all, of which those left out have loss 0. */
  readonly normalizer: 'valid' | 'all';
  least(units: number): number;
  readonly above: number;
}

interface Ranking {
  readonly call: CheckedCall;
  readonly activation: Activation;
  readonly term: PixelTerm;
  readonly classes: Classes;
  /** Whether pixels are ranked, not elements. */
  readonly pixels: boolean;
}

function groupOf({ activation, term, classes }: Ranking): Group {
  return makeGroup(activation, term.ignoreIndex, [{ term, classes, index: 0 }]);
}

/** The loss of every unit that is ranked, a pixel or an element, in the prediction's layout. */
function losses(ranking: Ranking): Float32Array {
  const { call, activation, pixels } = ranking;
  const units = call.samples * call.pixels;
  const each = new Float32Array(activation === 'softmax' ? units : call.pred.length);
  unreducedPass(call, groupOf(ranking), each);
  if (!pixels || activation === 'softmax') return each;
  const sums = new Float32Array(units);
  for (let at = 0; at < each.length; at++) {
    const inside = at % (call.pixels * call.channels);
    const i = call.last ? Math.floor(inside / call.channels) : inside % call.pixels;
    const unit = Math.floor(at / (call.pixels * call.channels)) * call.pixels + i;
    sums[unit] = (sums[unit] ?? 0) + (each[at] ?? 0);
  }
  return sums;
}

/** The call with its weights times `taken`, one number a unit. */
function selecting({ call, pixels }: Ranking, taken: Float32Array): CheckedCall {
  const { pixelWeights, elementWeights, channels } = call;
  if (pixelWeights === undefined) {
    return { ...call, pixelWeights: taken, elementWeights: !pixels && channels > 1 };
  }
  const wide = elementWeights || (!pixels && channels > 1);
  const size = call.pixels * channels;
  const weights = new Float32Array(wide ? call.pred.length : taken.length);
  for (let at = 0; at < weights.length; at++) {
    const inside = at % size;
    const i = call.last ? Math.floor(inside / channels) : inside % call.pixels;
    const pixel = wide ? Math.floor(at / size) * call.pixels + i : at;
    weights[at] = (taken[pixels ? pixel : at] ?? 0) * (pixelWeights[elementWeights ? at : pixel] ?? 0);
  }
  return { ...call, pixelWeights: weights, elementWeights: wide && channels > 1 };
}

/** Selects, and gives 1 for what is taken, 0 for the rest. */
function select(from: Float32Array, least: number, above: number): { taken: Float32Array; count: number } {
  const ws = workspace();
  ws.order(from.length, false).errors.set(from);
  const count = ws.raw.select(from.length, least, above);
  return { taken: ws.ranked(from.length).slice(), count };
}

export function ranked(rule: Rule): WholeTerm['run'] {
  return (call, classes, activation, common): Whole => {
    const pixels = isDistribution(activation, call.channels);
    const entropy = entropyTerm(common, rule, classes, activation, rule.labelSmoothing);
    const term: PixelTerm = {
      ...entropy,
      fill: (table, own, ...rest) => {
        entropy.fill(table, own, ...rest);
        if (pixels && rule.smoothedWeights) weighSpread(table, own);
      },
    };
    const ranking: Ranking = { call, activation, term, classes, pixels };
    const found = losses(ranking);
    const plain: Ranking = {
      ...ranking,
      call: { ...unweighted(call), sampleWeights: undefined },
      classes: { ...classes, weights: classes.weights.map(() => 1) },
    };
    const counting = { ...ranking, term: { ...term, reduction: 'mean' as const } };
    const count = countPass(call, groupOf(counting));
    runPass(count);
    const elements = count.sums.pixel[0]?.divisor ?? 0;
    const units = pixels && activation === 'none' ? Math.floor(elements / classes.kept.length) : elements;
    const least = units === 0 ? 0 : Math.min(rule.least(units), units);
    const { taken, count: selected } = select(rule.unweighted ? losses(plain) : found, least, rule.above);
    let sum = 0;
    const data = found.map((loss, i) => ((taken[i] ?? 0) === 0 ? 0 : loss));
    for (const loss of data) sum += loss;
    const scale = term.reduction === 'sum' ? 1 : selected > 0 ? 1 / selected : 0;
    const spatial = spatialOf(call.shape, common.dataFormat === 'channelsLast');
    return {
      value: scale === 0 ? 0 : sum * scale,
      gradient: [{ call: selecting(ranking, taken), activation, pixel: [{ term, classes, scale }] }],
      unreduced: { data, shape: pixels ? [call.samples, ...spatial] : [...call.shape] },
    };
  };
}
