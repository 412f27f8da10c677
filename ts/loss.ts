/** A loss made of terms: the methods of `Loss`, for single losses and weighted sums alike. */
import { type CheckedCall, checkCall } from './check/call.js';
import { checkIgnoreIndex, classesOf } from './check/classes.js';
import { copy } from './check/options.js';
import { pixelFactor, pixelValue } from './family/pixel.js';
import { addAffine, type RegionResult, regionResult } from './family/region.js';
import { callOf, INSPECT } from './inspect.js';
import {
  countPass,
  gradientPass,
  type Group,
  type GroupGradient,
  type GroupSums,
  knownDivisor,
  type Member,
  sumsPass,
  unreducedPass,
} from './stream.js';
import { canonical, type PixelSums, type Row, Sums, type TermSums } from './sums.js';
import {
  activationOf,
  keptClasses,
  type PixelTerm,
  type RegionTerm,
  ROWS,
  type Term,
  type WeightedTerm,
} from './term.js';
import type {
  Evaluation,
  Loss,
  LossCall,
  LossConfig,
  Prediction,
  Target,
  Unreduced,
  ValueAndGrad,
} from './types.js';

/** Sample number of the one row of a loss over the batch. */
const BATCH = -1;

/** A loss's terms on the channels of a call. */
interface Plan {
  readonly groups: readonly Group[];
  readonly members: readonly Member<Term>[];
}

/** What the sums of all terms come to. */
interface Outcome {
  readonly value: number;
  /** Value of each term, unweighted. */
  readonly values: readonly number[];
  /** Of each region term. */
  readonly regions: readonly (RegionResult | undefined)[];
}

export class TermLoss implements Loss {
  readonly name: string;
  readonly mergeable = true;
  readonly terms: readonly WeightedTerm[];
  readonly #config: LossConfig;
  readonly #description: string;
  readonly #plans = new Map<number, Plan>();

  constructor(config: LossConfig, terms: readonly WeightedTerm[], description: string, name = config.name) {
    this.name = name;
    this.terms = terms;
    this.#config = config;
    this.#description = description;
  }

  value(pred: Prediction, target: Target, call: LossCall): number {
    const { checked, plan } = this.#check(pred, target, call, false);
    return this.#outcome(plan, accumulate(checked, plan)).value;
  }

  valueAndGrad(pred: Prediction, target: Target, call: LossCall): ValueAndGrad {
    const { checked, plan } = this.#check(pred, target, call, false);
    const grad = checked.out ?? new Float32Array(pred.length);
    const [group] = plan.groups;
    let sums: TermSums[];
    if (plan.groups.length > 1 || group === undefined) sums = accumulate(checked, plan);
    else {
      if (checked.aliased) countPass(checked, group);
      if (group.region.length === 0) return { value: this.#fused(checked, plan, group, grad), grad };
      // Given probabilities need no storing: pass 2 reads the prediction again.
      const stored = group.activation !== 'none';
      sums = termSums(checked, plan, [sumsPass(checked, group, stored ? grad : undefined)]);
      const outcome = this.#outcome(plan, sums);
      gradientPass(checked, plan.groups, this.#gradients(checked, plan, sums, outcome), grad, stored);
      return { value: outcome.value, grad };
    }
    const outcome = this.#outcome(plan, sums);
    gradientPass(checked, plan.groups, this.#gradients(checked, plan, sums, outcome), grad, false);
    return { value: outcome.value, grad };
  }

  unreduced(pred: Prediction, target: Target, call: LossCall): Unreduced {
    const only = this.#config.terms === undefined ? this.terms[0]?.term : undefined;
    if (only === undefined) {
      throw new Error(`${this.name} has no unreduced form; evaluate().terms gives its terms`);
    }
    const { checked, plan } = this.#check(pred, target, call, false);
    const { samples, shape, channels } = checked;
    const [group] = plan.groups;
    if (only.family === 'pixel' && group) {
      if (group.activation !== 'softmax') {
        const data = new Float32Array(pred.length);
        unreducedPass(checked, group, data);
        return { data, shape: [...shape] };
      }
      const data = new Float32Array(samples * checked.pixels);
      unreducedPass(checked, group, data);
      const last = only.dataFormat === 'channelsLast';
      const spatial = last ? shape.slice(1, -1) : shape.slice(2);
      return { data, shape: [shape[0] ?? 0, ...spatial] };
    }
    const region = only as RegionTerm;
    const data = this.#outcome(plan, accumulate(checked, plan)).regions[0]?.losses ?? new Float64Array(0);
    const rows = region.aggregate === 'sample' ? [samples] : [];
    return {
      data,
      shape: region.average === 'macro' ? [...rows, keptClasses(region, channels).length] : rows,
    };
  }

  evaluate(pred: Prediction, target: Target, call: LossCall): Evaluation {
    const { checked, plan } = this.#check(pred, target, call, false);
    const sums = accumulate(checked, plan);
    const { value, values, regions } = this.#outcome(plan, sums);
    const counted = new Set(plan.members.flatMap(({ classes }) => classes.kept));
    const common = {
      value,
      classes: [...counted].sort((a, b) => a - b),
      sums: new Sums(this.#config, checked.channels, sums),
    };
    if (this.#config.terms !== undefined) {
      const terms = this.terms.map(({ weight, term }, i) => ({
        name: term.name,
        weight,
        value: values[i] ?? NaN,
      }));
      return { ...common, terms };
    }
    const [result] = regions;
    const [only] = plan.members;
    if (result === undefined || only?.term.family !== 'region') return common;
    const rows = (sums[0] as { rows: readonly Row[] }).rows;
    return {
      ...common,
      ...(only.term.average === 'macro' && { perClass: meanOverRows(result, rows, only.classes.kept) }),
      ...(only.term.aggregate === 'sample' && { perSample: result.perRow }),
    };
  }

  accumulate(pred: Prediction, target: Target, call: LossCall): Sums {
    const { checked, plan } = this.#check(pred, target, call, true);
    return new Sums(this.#config, checked.channels, accumulate(checked, plan));
  }

  valueFrom(sums: Sums): number {
    this.#own(sums);
    return this.#outcome(this.#plan(sums.channels), sums.terms).value;
  }

  gradFrom(pred: Prediction, target: Target, sums: Sums, call: LossCall): Float32Array {
    this.#own(sums);
    const { checked, plan } = this.#check(pred, target, call, true);
    if (sums.channels !== checked.channels && pred.length > 0) {
      throw new Error(`these are the sums of ${sums.channels} channels, not ${checked.channels}`);
    }
    const grad = checked.out ?? new Float32Array(pred.length);
    if (checked.aliased) for (const group of plan.groups) countPass(checked, group);
    const outcome = this.#outcome(plan, sums.terms);
    const gradients = this.#gradients(checked, plan, sums.terms, outcome);
    gradientPass(checked, plan.groups, gradients, grad, false);
    return grad;
  }

  describe(): string {
    return this.#description;
  }

  toJSON(): LossConfig {
    return copy(this.#config);
  }

  /** @internal The call that makes it. */
  [INSPECT](): string {
    return callOf(this.#config);
  }

  #own(sums: Sums): void {
    if (!(sums instanceof Sums))
      throw new TypeError(`"sums" expected Sums of ${this.name}, got ${typeof sums}`);
    if (canonical(sums.config) !== canonical(this.#config)) {
      throw new Error(
        `these are the sums of another loss: ${canonical(sums.config)}, not ${canonical(this.#config)}`,
      );
    }
  }

  #check(
    pred: Prediction,
    target: Target,
    call: LossCall,
    parts: boolean,
  ): { checked: CheckedCall; plan: Plan } {
    const last = this.terms[0]?.term.dataFormat === 'channelsLast';
    const checked = checkCall(pred, target, call, last, parts);
    const plan = this.#plan(checked.channels);
    for (const { term } of this.terms) checkIgnoreIndex(term.ignoreIndex, checked.dense);
    return { checked: endToEnd(checked, this.terms), plan };
  }

  #plan(channels: number): Plan {
    let plan = this.#plans.get(channels);
    if (plan === undefined) {
      plan = makePlan(this.terms, channels);
      this.#plans.set(channels, plan);
    }
    return plan;
  }

  #outcome(plan: Plan, sums: readonly TermSums[]): Outcome {
    const regions = plan.members.map(({ term, classes }, i) =>
      term.family === 'region'
        ? regionResult(term, classes, (sums[i] as { rows: readonly Row[] }).rows)
        : undefined,
    );
    const values = plan.members.map(({ term, classes }, i) =>
      term.family === 'region'
        ? (regions[i]?.value ?? NaN)
        : pixelValue(term, classes, activationOf(term, classes.channels), sums[i] as PixelSums),
    );
    const [only] = this.terms;
    // A single loss's value is not multiplied: 1·x is x, but a sum of one would turn −0 into 0.
    if (this.terms.length === 1 && only?.weight === 1) return { value: values[0] ?? NaN, values, regions };
    const value = this.terms.reduce((sum, { weight }, i) => sum + weight * (values[i] ?? NaN), 0);
    return { value, values, regions };
  }

  /** Value and gradient of pixel terms in one pass; the divisors are counted first where data decides them. */
  #fused(checked: CheckedCall, plan: Plan, group: Group, grad: Float32Array): number {
    const known = group.pixel.map((member) => knownDivisor(member, group.activation, checked));
    const collected: GroupSums = known.includes(undefined)
      ? countPass(checked, group)
      : { pixel: known.map((divisor) => ({ sum: 0, divisor: divisor ?? 0 })), rows: [] };
    const gradients = this.#gradients(checked, plan, termSums(checked, plan, [collected]), undefined);
    gradientPass(checked, [group], gradients, grad, false, collected);
    return this.#outcome(plan, termSums(checked, plan, [collected])).value;
  }

  #gradients(
    checked: CheckedCall,
    plan: Plan,
    sums: readonly TermSums[],
    outcome: Outcome | undefined,
  ): GroupGradient[] {
    const weightOf = (index: number): number => checked.upstream * (this.terms[index]?.weight ?? 0);
    return plan.groups.map((group) => {
      // Looked up before anything is written, since `out` may be the prediction.
      const rowOf = group.region.map(({ term, index }) => rowsOfSamples(checked, term, sums[index]));
      return {
        scales: group.pixel.map(({ term, classes, index }) => {
          const { divisor } = sums[index] as PixelSums;
          return weightOf(index) * pixelFactor(term, classes, group.activation, divisor);
        }),
        affine:
          group.region.length === 0
            ? undefined
            : (sample, table) => {
                const all = new Float64Array(table.length);
                group.region.forEach(({ term, classes, index }, i) => {
                  const partials = outcome?.regions[index]?.partials ?? new Float64Array(0);
                  const row = rowOf[i]?.[sample] ?? 0;
                  const v = term.aggregate === 'batch' ? (checked.sampleWeights?.[sample] ?? 1) : 1;
                  addAffine(all, partials, row, classes.channels, v * weightOf(index));
                });
                table.set(all);
                return all.subarray(2 * checked.channels).some((x) => x !== 0);
              },
      };
    });
  }
}

/** Position of each sample's row among the sums of a region term. */
function rowsOfSamples(checked: CheckedCall, term: RegionTerm, sums: TermSums | undefined): number[] {
  const { rows } = sums as { rows: readonly Row[] };
  const positions = new Map(rows.map((row, position) => [row.sample, position]));
  return Array.from({ length: checked.samples }, (_, b) => {
    const sample = term.aggregate === 'batch' ? BATCH : checked.firstSample + b;
    const position = positions.get(sample);
    if (position === undefined) throw new RangeError(`"sums" hold no sample ${sample}; see "sample"`);
    return position;
  });
}

/**
 * The call with its samples laid end to end as one, where the terms do not tell them apart and memory already has them
 * so: 65,536 samples of one pixel are then a few chunks, not 65,536.
 */
function endToEnd(checked: CheckedCall, terms: readonly WeightedTerm[]): CheckedCall {
  const { samples, channels, pixels, last } = checked;
  const contiguous = channels === 1 || last || pixels === 1;
  const apart = terms.some(({ term }) => term.family === 'region' && term.aggregate === 'sample');
  if (samples <= 1 || !contiguous || apart || checked.sampleWeights) return checked;
  return { ...checked, samples: 1, pixels: samples * pixels, last: channels > 1 };
}

function makePlan(terms: readonly WeightedTerm[], channels: number): Plan {
  const members = terms.map(({ term }, index) => ({ term, classes: classesOf(term, channels), index }));
  const groups = new Map<string, Member<Term>[]>();
  for (const member of members) {
    const key = `${activationOf(member.term, channels)} ${member.term.ignoreIndex}`;
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return {
    members,
    groups: [...groups.values()].map((group) => ({
      activation: activationOf((group[0] as Member<Term>).term, channels),
      ignoreIndex: group[0]?.term.ignoreIndex,
      pixel: group.filter((m): m is Member<PixelTerm> => m.term.family === 'pixel'),
      region: group.filter((m): m is Member<RegionTerm> => m.term.family === 'region'),
    })),
  };
}

/** Pass 1 of every group. */
function accumulate(checked: CheckedCall, plan: Plan): TermSums[] {
  return termSums(
    checked,
    plan,
    plan.groups.map((group) => sumsPass(checked, group)),
  );
}

/** The sums of each term, in the order of the terms. */
function termSums(checked: CheckedCall, plan: Plan, found: readonly GroupSums[]): TermSums[] {
  const sums: TermSums[] = [];
  plan.groups.forEach((group, at) => {
    const { pixel, rows } = found[at] as GroupSums;
    group.pixel.forEach(({ index }, i) => {
      sums[index] = { ...(pixel[i] as PixelSums) };
    });
    for (const { term, index } of group.region) sums[index] = { rows: regionRows(checked, term, rows) };
  });
  return sums;
}

function regionRows(checked: CheckedCall, term: RegionTerm, rows: readonly Float64Array[]): Row[] {
  const weight = (b: number): number => checked.sampleWeights?.[b] ?? 1;
  if (term.aggregate === 'sample') {
    return rows.map((sums, b) => ({ sample: checked.firstSample + b, weight: weight(b), sums }));
  }
  const sums = new Float64Array(ROWS * checked.channels);
  rows.forEach((row, b) => {
    const v = weight(b);
    // A sample of weight 0 is out, whatever it holds.
    if (v !== 0) row.forEach((x, i) => (sums[i] = (sums[i] ?? 0) + v * x));
  });
  return [{ sample: BATCH, weight: 1, sums }];
}

/** The mean loss of each class over the rows that do not skip it. */
function meanOverRows({ losses }: RegionResult, rows: readonly Row[], kept: readonly number[]): Float64Array {
  return Float64Array.from(kept, (_, i) => {
    let [sum, weight] = [0, 0];
    rows.forEach((row, b) => {
      const loss = losses[b * kept.length + i] ?? NaN;
      if (Number.isNaN(loss) || row.weight === 0) return;
      sum += row.weight * loss;
      weight += row.weight;
    });
    return sum / weight;
  });
}
