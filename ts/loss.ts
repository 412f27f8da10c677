/** A loss made of terms: the methods of `Loss`, for single losses and weighted sums alike. */
import { type CheckedCall, checkCall } from './check/call.js';
import { checkIgnoreIndex } from './check/classes.js';
import { copy } from './check/options.js';
import { pixelFactor, pixelValue } from './family/pixel.js';
import type { RegionResult, Standing } from './family/region.js';
import { callOf, INSPECT } from './inspect.js';
import {
  countPass,
  type Group,
  gradientPass,
  keptGradientPass,
  keptSumsPass,
  runPass,
  runSteps,
  type Steps,
  sumsPass,
} from './pass.js';
import {
  accumulate,
  layOut,
  makePlan,
  meanOverRows,
  type Plan,
  rowsOfSamples,
  termSums,
  tiles,
  wholeGroups,
} from './plan.js';
import type { GroupGradient, Range } from './stream.js';
import { canonical, type PixelSums, type Rows, Sums, type TermSums } from './sums.js';
import { activationOf, keptClasses, type RegionTerm, ROWS, type WeightedTerm, type Whole } from './term.js';
import { unreducedData } from './unreduced.js';
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

/** A checked call and what is known of it before any pass over all terms. */
interface Ready {
  readonly checked: CheckedCall;
  readonly plan: Plan;
  /** Of each term of all pixels together. */
  readonly whole: readonly (Whole | undefined)[];
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
  readonly mergeable: boolean;
  /** Whether it makes a target of its own, which no other term could read. */
  readonly ownTarget: boolean = false;
  readonly terms: readonly WeightedTerm[];
  readonly #config: LossConfig;
  readonly #description: string;
  readonly #plans = new Map<number, Plan>();

  constructor(config: LossConfig, terms: readonly WeightedTerm[], description: string, name = config.name) {
    this.name = name;
    this.terms = terms;
    this.mergeable = terms.every(({ term }) => term.family !== 'whole');
    this.#config = config;
    this.#description = description;
  }

  value(pred: Prediction, target: Target, call: LossCall): number {
    return runSteps(this.valueSteps(pred, target, call));
  }

  *valueSteps(pred: Prediction, target: Target, call: LossCall): Steps<number> {
    const { checked, plan, whole } = this.#check(pred, target, call, false);
    return this.#outcome(plan, yield* accumulate(checked, plan), whole).value;
  }

  valueAndGrad(pred: Prediction, target: Target, call: LossCall): ValueAndGrad {
    return runSteps(this.valueAndGradSteps(pred, target, call, true));
  }

  /** `here`: on this thread, and nothing else between the passes. */
  *valueAndGradSteps(pred: Prediction, target: Target, call: LossCall, here: boolean): Steps<ValueAndGrad> {
    const { checked, plan, whole } = this.#check(pred, target, call, false);
    const grad = checked.out ?? new Float32Array(pred.length);
    const [group] = plan.groups;
    let sums: TermSums[];
    let stored = false;
    if (plan.groups.length > 1 || group === undefined || !this.mergeable) {
      sums = yield* accumulate(checked, plan);
    } else {
      const count = countPass(checked, group);
      const fused = group.region.length === 0;
      // What may be overwritten is checked first; divisors that data decides are counted first.
      const ranges = here && !fused ? tiles(checked, plan) : undefined;
      if (ranges) return { value: yield* this.#tileByTile(checked, plan, ranges, grad), grad };
      if (checked.aliased || (fused && count.stages[0] !== 0)) yield count;
      if (fused) {
        const gradients = this.#gradients(checked, plan, termSums(checked, plan, [count.sums]), undefined, 0);
        yield gradientPass(checked, plan.groups, gradients, grad, false, count.sums);
        return { value: this.#outcome(plan, termSums(checked, plan, [count.sums]), []).value, grad };
      }
      // Given probabilities need no storing: pass 2 reads the prediction again.
      stored = group.activation !== 'none' && !group.pixel.some(({ term }) => term.needsLogits);
      const pass = sumsPass(checked, group, stored ? grad : undefined);
      yield pass;
      sums = termSums(checked, plan, [pass.sums]);
    }
    const outcome = this.#outcome(plan, sums, whole);
    const gradients = this.#gradients(checked, plan, sums, outcome, 0);
    const more = wholeGroups(plan, whole, (index) => this.#weightOf(checked, index));
    const groups = [...plan.groups, ...more.groups];
    yield gradientPass(checked, groups, [...gradients, ...more.gradients], grad, stored);
    return { value: outcome.value, grad };
  }

  /** Both passes of each tile before the next: nothing is copied in twice. Gives the value. */
  *#tileByTile(
    checked: CheckedCall,
    plan: Plan,
    ranges: readonly Range[],
    grad: Float32Array,
  ): Steps<number> {
    const [group] = plan.groups as [Group];
    const alone = ranges.length === 1;
    const count = countPass(checked, group);
    if (!alone && (checked.aliased || count.stages[0] !== 0)) yield count;
    const standings = plan.scorers.map(
      (scorer) => scorer && { value: 0, nothing: true, total: alone ? undefined : weightOfAll(checked) },
    );
    let value = 0;
    for (const range of ranges) {
      const pass = keptSumsPass(checked, group, count.sums, !alone, range);
      yield pass;
      const sums = termSums(checked, plan, [pass.sums], range.sample);
      const outcome = this.#outcome(plan, sums, [], standings);
      const gradients = this.#gradients(checked, plan, sums, outcome, range.sample);
      yield keptGradientPass(pass, gradients, grad);
      ({ value } = outcome);
    }
    return value;
  }

  unreduced(pred: Prediction, target: Target, call: LossCall): Unreduced {
    const only = this.terms[0]?.term;
    if (only === undefined || this.#isSum) {
      throw new Error(`${this.name} has no unreduced form; evaluate().terms gives its terms`);
    }
    const { checked, plan, whole } = this.#check(pred, target, call, false);
    if (whole[0]) return whole[0].unreduced;
    const { samples, channels } = checked;
    const [group] = plan.groups;
    if (only.family === 'pixel' && group) return unreducedData(checked, group);
    const region = only as RegionTerm;
    const { regions } = this.#outcome(plan, runSteps(accumulate(checked, plan)), []);
    const rows = region.aggregate === 'sample' ? [samples] : [];
    return {
      data: regions[0]?.losses ?? new Float64Array(0),
      shape: region.average === 'macro' ? [...rows, keptClasses(region, channels).length] : rows,
    };
  }

  evaluate(pred: Prediction, target: Target, call: LossCall): Evaluation {
    const { checked, plan, whole } = this.#check(pred, target, call, false);
    const sums = runSteps(accumulate(checked, plan));
    const { value, values, regions } = this.#outcome(plan, sums, whole);
    const counted = new Set(plan.members.flatMap(({ classes }) => classes.kept));
    const common = {
      value,
      classes: [...counted].sort((a, b) => a - b),
      ...(this.mergeable && { sums: new Sums(this.#config, checked.channels, sums) }),
    };
    if (this.#isSum) {
      const terms = this.terms.map(({ weight, term }, i) => ({
        name: term.name,
        weight,
        value: values[i] ?? NaN,
      }));
      return { ...common, terms };
    }
    if (whole[0]) {
      const { perClass, perSample } = whole[0];
      return { ...common, ...(perClass && { perClass }), ...(perSample && { perSample }) };
    }
    const [result] = regions;
    const [only] = plan.members;
    if (result === undefined || only?.term.family !== 'region') return common;
    return {
      ...common,
      ...(only.term.average === 'macro' && {
        perClass: meanOverRows(result, sums[0] as Rows, only.classes.kept),
      }),
      ...(only.term.aggregate === 'sample' && { perSample: result.perRow }),
    };
  }

  accumulate(pred: Prediction, target: Target, call: LossCall): Sums {
    return runSteps(this.accumulateSteps(pred, target, call));
  }

  *accumulateSteps(pred: Prediction, target: Target, call: LossCall): Steps<Sums> {
    this.#refuseWhole();
    const { checked, plan } = this.#check(pred, target, call, true);
    return new Sums(this.#config, checked.channels, yield* accumulate(checked, plan));
  }

  valueFrom(sums: Sums): number {
    this.#own(sums);
    return this.#outcome(this.#plan(sums.channels), sums.terms, []).value;
  }

  gradFrom(pred: Prediction, target: Target, sums: Sums, call: LossCall): Float32Array {
    this.#own(sums);
    const { checked, plan } = this.#check(pred, target, call, true);
    if (sums.channels !== checked.channels && pred.length > 0) {
      throw new Error(`these are the sums of ${sums.channels} channels, not ${checked.channels}`);
    }
    const grad = checked.out ?? new Float32Array(pred.length);
    if (checked.aliased) for (const group of plan.groups) runPass(countPass(checked, group));
    const outcome = this.#outcome(plan, sums.terms, []);
    const gradients = this.#gradients(checked, plan, sums.terms, outcome, undefined);
    runPass(gradientPass(checked, plan.groups, gradients, grad, false));
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

  /** @internal The loss with channels last. */
  channelsLast(): TermLoss {
    const terms = this.terms.map(({ weight, term }) => ({
      weight,
      term: { ...term, dataFormat: 'channelsLast' as const },
    }));
    return new TermLoss(this.#config, terms, this.#description, this.name);
  }

  /** The target and the call that the terms are given. */
  protected read(target: Target, call: LossCall): [Target, LossCall] {
    return [target, call];
  }

  /** Whether the value has parts, be it a sum of one. */
  get #isSum(): boolean {
    return this.terms.length > 1 || this.#config.name === 'weightedSum';
  }

  #refuseWhole(): void {
    const whole = this.terms.find(({ term }) => term.family === 'whole');
    if (whole === undefined) return;
    const { name } = whole.term;
    throw new Error(
      `${name} ranks or weighs all pixels together: it has no sums that add (mergeable is false)`,
    );
  }

  #own(sums: Sums): void {
    this.#refuseWhole();
    if (!(sums instanceof Sums))
      throw new TypeError(`"sums" expected Sums of ${this.name}, got ${typeof sums}`);
    if (canonical(sums.config) !== canonical(this.#config)) {
      throw new Error(
        `these are the sums of another loss: ${canonical(sums.config)}, not ${canonical(this.#config)}`,
      );
    }
  }

  #check(pred: Prediction, labels: Target, given: LossCall, parts: boolean): Ready {
    const last = this.terms[0]?.term.dataFormat === 'channelsLast';
    const checked = checkCall(pred, ...this.read(labels, given), last, parts);
    const plan = this.#plan(checked.channels);
    for (const { term } of this.terms) checkIgnoreIndex(term.ignoreIndex, checked.dense);
    const whole = this.mergeable
      ? []
      : plan.members.map(({ term, classes }) =>
          term.family === 'whole'
            ? term.run(checked, classes, activationOf(term, checked.channels), term)
            : undefined,
        );
    return { checked: layOut(checked, plan), plan, whole };
  }

  #plan(channels: number): Plan {
    let plan = this.#plans.get(channels);
    if (plan === undefined) {
      plan = makePlan(this.terms, channels);
      this.#plans.set(channels, plan);
    }
    return plan;
  }

  /** `standings`: what each region term came to on the rows before. */
  #outcome(
    plan: Plan,
    sums: readonly TermSums[],
    whole: Ready['whole'],
    standings?: readonly (Standing | undefined)[],
  ): Outcome {
    const regions = plan.scorers.map((scorer, i) => scorer?.run(sums[i] as Rows, standings?.[i]));
    const values = plan.members.map(({ term, classes }, i) => {
      if (term.family === 'region') return regions[i]?.value ?? NaN;
      if (term.family === 'whole') return whole[i]?.value ?? NaN;
      return pixelValue(term, classes, activationOf(term, classes.channels), sums[i] as PixelSums);
    });
    const [only] = this.terms;
    // A single loss's value is not multiplied: 1·x is x, but a sum of one would turn −0 into 0.
    if (this.terms.length === 1 && only?.weight === 1) return { value: values[0] ?? NaN, values, regions };
    const value = this.terms.reduce((sum, { weight }, i) => sum + weight * (values[i] ?? NaN), 0);
    return { value, values, regions };
  }

  /** What multiplies the gradient of a term. */
  #weightOf({ upstream }: CheckedCall, index: number): number {
    return upstream * (this.terms[index]?.weight ?? 0);
  }

  /** `first`: the sample of the first row; `undefined`: rows are to be looked up by their samples. */
  #gradients(
    checked: CheckedCall,
    plan: Plan,
    sums: readonly TermSums[],
    outcome: Outcome | undefined,
    first: number | undefined,
  ): GroupGradient[] {
    const { channels, sampleWeights } = checked;
    return plan.groups.map((group) => {
      const scales = group.pixel.map(({ term, classes, index }) => {
        const { divisor } = sums[index] as PixelSums;
        return this.#weightOf(checked, index) * pixelFactor(term, classes, group.activation, divisor);
      });
      const parts = group.region.map(({ term, index }) => ({
        batch: term.aggregate === 'batch',
        weight: this.#weightOf(checked, index),
        width: plan.scorers[index]?.width ?? 0,
        result: outcome?.regions[index],
        // Looked up before anything is written, since `out` may be the prediction.
        rows: first === undefined ? rowsOfSamples(checked, sums[index] as Rows) : undefined,
      }));
      const width = Math.max(0, ...parts.map((part) => part.width));
      const all = new Float64Array(width * channels);
      return {
        scales: (sample) => {
          const v = sampleWeights?.[sample] ?? 1;
          return scales.map((scale) => v * scale);
        },
        affine:
          parts.length === 0
            ? undefined
            : (sample, samples, tables) => {
                let curved = false;
                for (let b = sample; b < sample + samples; b++) {
                  all.fill(0);
                  for (const { batch, weight, width: own, result, rows } of parts) {
                    const row = rows?.[b] ?? (batch ? 0 : b - (first ?? 0));
                    const scale =
                      weight * (batch ? (sampleWeights?.[b] ?? 1) : 1) * (result?.shares[row] ?? 0);
                    if (result) addScaled(all, result.affine, own * channels, row, scale);
                  }
                  const at = (b - sample) * ROWS * channels;
                  for (let i = 0; i < all.length; i++) tables[at + i] = all[i]!;
                  for (let i = 2 * channels; i < all.length; i++) curved ||= all[i] !== 0;
                }
                return curved;
              },
      };
    });
  }
}

/** Adds a row of so many coefficients. */
function addScaled(to: Float64Array, from: Float64Array, size: number, row: number, scale: number): void {
  // 0 times a coefficient that is no number is 0.
  if (scale === 0) return;
  for (let i = 0; i < size; i++) to[i]! += scale * from[row * size + i]!;
}

function weightOfAll({ samples, sampleWeights }: CheckedCall): number {
  let total = 0;
  for (let b = 0; b < samples; b++) total += sampleWeights?.[b] ?? 1;
  return total;
}
