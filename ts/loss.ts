/** A loss made of terms: the methods of `Loss`, for single losses and weighted sums alike. */
import { type CheckedCall, checkCall } from './check/call.js';
import { checkIgnoreIndex } from './check/classes.js';
import { copy } from './check/options.js';
import { callOf, INSPECT } from './inspect.js';
import { gradientsOf, outcomeOf, tileByTile, weightOf } from './outcome.js';
import { countPass, gradientPass, runPass, runSteps, type Steps, sumsPass } from './pass.js';
import {
  accumulate,
  layOut,
  makePlan,
  meanOverRows,
  type Plan,
  termSums,
  tiles,
  wholeGroups,
} from './plan.js';
import { type Rows, Sums, type TermSums } from './sums.js';
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
    const ready = this.#check(pred, target, call, false);
    const ranges = tiles(ready.checked, ready.plan);
    if (ranges) return tileByTile(ready.checked, ready.plan, ranges, undefined);
    return runSteps(this.#value(ready));
  }

  valueSteps(pred: Prediction, target: Target, call: LossCall): Steps<number> {
    return this.#value(this.#check(pred, target, call, false));
  }

  *#value({ checked, plan, whole }: Ready): Steps<number> {
    return outcomeOf(plan, yield* accumulate(checked, plan), whole).value;
  }

  valueAndGrad(pred: Prediction, target: Target, call: LossCall): ValueAndGrad {
    const ready = this.#check(pred, target, call, false);
    const { checked, plan } = ready;
    const ranges = tiles(checked, plan);
    if (ranges === undefined) return runSteps(this.#twoPasses(ready));
    const grad = checked.out ?? new Float32Array(pred.length);
    return { value: tileByTile(checked, plan, ranges, grad), grad };
  }

  valueAndGradSteps(pred: Prediction, target: Target, call: LossCall): Steps<ValueAndGrad> {
    return this.#twoPasses(this.#check(pred, target, call, false));
  }

  *#twoPasses({ checked, plan, whole }: Ready): Steps<ValueAndGrad> {
    const grad = checked.out ?? new Float32Array(checked.pred.length);
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
        const found = termSums(checked, plan, count.sums);
        yield gradientPass(
          checked,
          plan.groups,
          gradientsOf(checked, plan, found, []),
          grad,
          false,
          count.sums,
        );
        return { value: outcomeOf(plan, found, []).value, grad };
      }
      // Given probabilities need no storing: pass 2 reads the prediction again. Nor is it done where one thread would go
      // tile by tile: the bits are to be the same.
      stored =
        group.activation !== 'none' &&
        !group.pixel.some(({ term }) => term.needsLogits) &&
        tiles(checked, plan) === undefined;
      const pass = sumsPass(checked, group, stored ? grad : undefined);
      yield pass;
      sums = termSums(checked, plan, pass.sums);
    }
    const { value, regions } = outcomeOf(plan, sums, whole);
    const gradients = gradientsOf(checked, plan, sums, regions);
    const more = wholeGroups(plan, whole, (index) => weightOf(plan, checked, index));
    const groups = [...plan.groups, ...more.groups];
    yield gradientPass(checked, groups, [...gradients, ...more.gradients], grad, stored);
    return { value, grad };
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
    const { regions } = outcomeOf(plan, runSteps(accumulate(checked, plan)), []);
    const rows = region.aggregate === 'sample' ? [samples] : [];
    return {
      data: regions[0]?.losses ?? new Float64Array(0),
      shape: region.average === 'macro' ? [...rows, keptClasses(region, channels).length] : rows,
    };
  }

  evaluate(pred: Prediction, target: Target, call: LossCall): Evaluation {
    const { checked, plan, whole } = this.#check(pred, target, call, false);
    const sums = runSteps(accumulate(checked, plan));
    const { value, values, regions } = outcomeOf(plan, sums, whole);
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
    return outcomeOf(this.#plan(sums.channels), sums.terms, []).value;
  }

  gradFrom(pred: Prediction, target: Target, sums: Sums, call: LossCall): Float32Array {
    this.#own(sums);
    const { checked, plan } = this.#check(pred, target, call, true);
    if (pred.length > 0) sums.expect(this.#config, checked.channels);
    const grad = checked.out ?? new Float32Array(pred.length);
    if (checked.aliased) for (const group of plan.groups) runPass(countPass(checked, group));
    const { regions } = outcomeOf(plan, sums.terms, []);
    const gradients = gradientsOf(checked, plan, sums.terms, regions, true);
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
    throw new Error(`${name} needs all pixels together: it has no sums that add (mergeable is false)`);
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
}
