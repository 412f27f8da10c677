/** A loss made of terms: the methods of `Loss`, for single losses and weighted sums alike. */
import { type CheckedCall, checkCall, sampleWeight } from './check/call.js';
import { checkIgnoreIndex } from './check/classes.js';
import { copy } from './check/options.js';
import { pixelFactor, pixelValue } from './family/pixel.js';
import { addAffine, type RegionResult, regionResult } from './family/region.js';
import { callOf, INSPECT } from './inspect.js';
import { countPass, gradientPass, runPass, runSteps, type Steps, sumsPass } from './pass.js';
import {
  accumulate,
  endToEnd,
  makePlan,
  meanOverRows,
  type Plan,
  rowsOfSamples,
  termSums,
  wholeGroups,
} from './plan.js';
import type { GroupGradient } from './stream.js';
import { type PixelSums, type Row, Sums, type TermSums } from './sums.js';
import { activationOf, keptClasses, type RegionTerm, type WeightedTerm, type Whole } from './term.js';
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
    return runSteps(this.valueAndGradSteps(pred, target, call));
  }

  *valueAndGradSteps(pred: Prediction, target: Target, call: LossCall): Steps<ValueAndGrad> {
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
      if (checked.aliased || (fused && count.stages[0] !== 0)) yield count;
      if (fused) {
        const gradients = this.#gradients(checked, plan, termSums(checked, plan, [count.sums]), undefined);
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
    const gradients = this.#gradients(checked, plan, sums, outcome);
    const more = wholeGroups(plan, whole, (index) => this.#weightOf(checked, index));
    const groups = [...plan.groups, ...more.groups];
    yield gradientPass(checked, groups, [...gradients, ...more.gradients], grad, stored);
    return { value: outcome.value, grad };
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
    const rows = (sums[0] as { rows: readonly Row[] }).rows;
    return {
      ...common,
      ...(only.term.average === 'macro' && { perClass: meanOverRows(result, rows, only.classes.kept) }),
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
    if (pred.length > 0) sums.expect(this.#config, checked.channels);
    const grad = checked.out ?? new Float32Array(pred.length);
    if (checked.aliased) for (const group of plan.groups) runPass(countPass(checked, group));
    const outcome = this.#outcome(plan, sums.terms, []);
    const gradients = this.#gradients(checked, plan, sums.terms, outcome);
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
    sums.expect(this.#config);
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
    return { checked: endToEnd(checked, this.terms), plan, whole };
  }

  #plan(channels: number): Plan {
    let plan = this.#plans.get(channels);
    if (plan === undefined) {
      plan = makePlan(this.terms, channels);
      this.#plans.set(channels, plan);
    }
    return plan;
  }

  #outcome(plan: Plan, sums: readonly TermSums[], whole: Ready['whole']): Outcome {
    const regions = plan.members.map(({ term, classes }, i) =>
      term.family === 'region'
        ? regionResult(term, classes, (sums[i] as { rows: readonly Row[] }).rows)
        : undefined,
    );
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

  #gradients(
    checked: CheckedCall,
    plan: Plan,
    sums: readonly TermSums[],
    outcome: Outcome | undefined,
  ): GroupGradient[] {
    return plan.groups.map((group) => {
      // Looked up before anything is written, since `out` may be the prediction.
      const rowOf = group.region.map(({ term, index }) => rowsOfSamples(checked, term, sums[index]));
      const scales = group.pixel.map(({ term, classes, index }) => {
        const { divisor } = sums[index] as PixelSums;
        return this.#weightOf(checked, index) * pixelFactor(term, classes, group.activation, divisor);
      });
      return {
        scales: (sample) => {
          const v = sampleWeight(checked, sample);
          return scales.map((scale) => v * scale);
        },
        affine:
          group.region.length === 0
            ? undefined
            : (sample, table) => {
                const all = new Float64Array(table.length);
                group.region.forEach(({ term, classes, index }, i) => {
                  const partials = outcome?.regions[index]?.partials ?? new Float64Array(0);
                  const row = rowOf[i]?.[sample] ?? 0;
                  const v = term.aggregate === 'batch' ? sampleWeight(checked, sample) : 1;
                  addAffine(all, partials, row, classes.channels, v * this.#weightOf(checked, index));
                });
                table.set(all);
                return all.subarray(2 * checked.channels).some((x) => x !== 0);
              },
      };
    });
  }
}
