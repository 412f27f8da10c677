/** `segloss check`: the gradient and the contract of a loss of one's own. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkGradient, lossFromJSON } from 'segloss';
import { EXIT, messageOf, UsageError } from './errors.js';
import { problemsOf, type Problem } from './check-problems.js';
import { toJson } from './json.js';
import { tableOf } from './report.js';

export interface CheckFlags {
  readonly export?: string;
  readonly channels: readonly number[];
  readonly probabilities?: boolean;
  readonly against?: string;
  readonly tolerance: number;
  readonly json?: boolean;
}

type Given = Pick<ReturnType<typeof lossFromJSON>, 'value' | 'valueAndGrad'> &
  Partial<ReturnType<typeof lossFromJSON>>;

interface Finding {
  readonly problem: string;
  readonly check: string;
  readonly passed: boolean;
  readonly detail: string;
}

const isLoss = (value: unknown): value is Given =>
  typeof (value as Given | undefined)?.value === 'function' &&
  typeof (value as Given).valueAndGrad === 'function';

/** A loss, or a function that makes one when called without options. */
function lossIn(exported: unknown): Given | undefined {
  if (isLoss(exported)) return exported;
  if (typeof exported !== 'function') return undefined;
  try {
    const made: unknown = (exported as () => unknown)();
    return isLoss(made) ? made : undefined;
  } catch {
    return undefined;
  }
}

async function load(file: string, name: string | undefined): Promise<Given> {
  let exported: Record<string, unknown>;
  try {
    exported = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`${file} cannot be imported: ${messageOf(error)}.`);
  }
  const names = name === undefined ? ['default', ...Object.keys(exported)] : [name];
  for (const one of names) {
    const loss = lossIn(exported[one]);
    if (loss) return loss;
  }
  throw new UsageError(
    `${file} exports ${Object.keys(exported).join(', ') || 'nothing'}; expected ${name ?? 'one of them'} to be a loss, an object with value(pred, target, call) and valueAndGrad(pred, target, call) → { value, grad }, or a function that makes one.`,
  );
}

class Failed extends Error {}

function expect(right: boolean, detail: () => string): void {
  if (!right) throw new Failed(detail());
}

const close = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-6);

type Check = (loss: Given, problem: Problem, flags: CheckFlags) => string | undefined;

/** By name; what one returns is said of a check that passed. */
const CHECKS: Readonly<Record<string, Check>> = {
  'gradient against differences of the value': (loss, { pred, target, shape }, { tolerance }) => {
    const { passed, worst, checked } = checkGradient(
      loss,
      pred,
      target,
      { shape },
      { tolerance, samples: 128 },
    );
    const text = `largest error ${worst.error.toExponential(1)} of the largest entry, ${checked} entries`;
    expect(
      passed,
      () =>
        `${text}; at entry ${worst.index} the gradient says ${worst.analytic}, the value ${worst.numeric}`,
    );
    return text;
  },
  'value() and valueAndGrad().value agree': (loss, { pred, target, shape }) => {
    const [a, b] = [loss.value(pred, target, { shape }), loss.valueAndGrad(pred, target, { shape }).value];
    expect(close(a, b, 1e-6), () => `${a} against ${b}`);
    return undefined;
  },
  'value and gradient are finite, one entry a prediction': (loss, { pred, target, shape }) => {
    const { value, grad } = loss.valueAndGrad(pred, target, { shape });
    expect(Number.isFinite(value), () => `the value is ${value}`);
    expect(
      grad.length === pred.length,
      () => `the gradient has ${grad.length} entries, the prediction ${pred.length}`,
    );
    const bad = grad.findIndex((entry) => !Number.isFinite(entry));
    expect(bad < 0, () => `entry ${bad} of the gradient is ${grad[bad]}`);
    return undefined;
  },
  'prediction and target are not written to': (loss, { pred, target, shape }) => {
    const before = [pred.slice(), target.slice()] as const;
    loss.valueAndGrad(pred, target, { shape });
    expect(
      pred.every((x, i) => Object.is(x, before[0][i])),
      () => 'the prediction changed',
    );
    expect(
      target.every((x, i) => Object.is(x, before[1][i])),
      () => 'the target changed',
    );
    return undefined;
  },
  'the same call gives the same result': (loss, { pred, target, shape }) => {
    const [a, b] = [loss.valueAndGrad(pred, target, { shape }), loss.valueAndGrad(pred, target, { shape })];
    expect(
      Object.is(a.value, b.value) && a.grad.every((x, i) => Object.is(x, b.grad[i])),
      () => `${a.value}, then ${b.value}`,
    );
    return undefined;
  },
  'upstream multiplies the gradient': (loss, { pred, target, shape }) => {
    const [one, three] = [
      loss.valueAndGrad(pred, target, { shape }),
      loss.valueAndGrad(pred, target, { shape, upstream: -3 }),
    ];
    const i = one.grad.reduce((best, x, i) => (Math.abs(x) > Math.abs(one.grad[best]!) ? i : best), 0);
    expect(
      close(three.grad[i]!, -3 * one.grad[i]!, 1e-5),
      () => `entry ${i}: ${three.grad[i]} with upstream −3, ${one.grad[i]} without`,
    );
    return undefined;
  },
};

/** Only where the loss has these methods. */
const OPTIONAL: Readonly<Record<string, Check>> = {
  'sums of two halves merge to the value of the whole': (loss, { pred, target, shape }) => {
    if (!loss.mergeable || !loss.accumulate || !loss.valueFrom) return 'left out: not mergeable';
    const [samples = 1, ...rest] = shape;
    if (samples < 2) return 'left out: one sample';
    const part = (from: number, to: number): ReturnType<NonNullable<Given['accumulate']>> => {
      const [p, t] = [pred.length / samples, target.length / samples];
      const call = { shape: [to - from, ...rest], sample: from };
      return loss.accumulate!(pred.subarray(from * p, to * p), target.subarray(from * t, to * t), call);
    };
    const merged = loss.valueFrom(part(0, 1).merge(part(1, samples)));
    const whole = loss.value(pred, target, { shape });
    expect(close(merged, whole, 1e-6), () => `${merged} against ${whole}`);
    return undefined;
  },
  'lossFromJSON(toJSON()) is the same loss': (loss, { pred, target, shape }) => {
    if (!loss.toJSON) return 'left out: no toJSON';
    const config = loss.toJSON();
    let again: Given;
    try {
      again = lossFromJSON(config);
    } catch {
      return `left out: "${config.name}" is a loss of your own`;
    }
    const [a, b] = [again.value(pred, target, { shape }), loss.value(pred, target, { shape })];
    expect(Object.is(a, b), () => `${a} against ${b}`);
    return undefined;
  },
};

function against(other: Given): Check {
  return (loss, { pred, target, shape }) => {
    const [own, ours] = [
      loss.valueAndGrad(pred, target, { shape }),
      other.valueAndGrad(pred, target, { shape }),
    ];
    expect(close(own.value, ours.value, 1e-5), () => `yours is ${own.value}, the other ${ours.value}`);
    const largest = ours.grad.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const wrong = own.grad.findIndex((x, i) => !(Math.abs(x - ours.grad[i]!) <= 1e-4 * largest));
    expect(
      wrong < 0,
      () => `entry ${wrong} of the gradient: yours is ${own.grad[wrong]}, the other's ${ours.grad[wrong]}`,
    );
    return undefined;
  };
}

function otherLoss(json: string): Given {
  try {
    return lossFromJSON(JSON.parse(json) as Parameters<typeof lossFromJSON>[0]);
  } catch (error) {
    throw new UsageError(
      `--against expected a loss as JSON, such as '{"name":"diceLoss"}'; ${messageOf(error)}.`,
    );
  }
}

export async function checkCommand(file: string, flags: CheckFlags): Promise<number> {
  const other = flags.against === undefined ? undefined : otherLoss(flags.against);
  const loss = await load(file, flags.export);
  const checks = {
    ...CHECKS,
    ...OPTIONAL,
    ...(other && { [`value and gradient of ${flags.against}`]: against(other) }),
  };
  const findings: Finding[] = [];
  for (const problem of problemsOf(flags.channels, flags.probabilities ?? false)) {
    for (const [check, run] of Object.entries(checks)) {
      if (problem.extreme && !check.startsWith('value and gradient are finite')) continue;
      try {
        findings.push({
          problem: problem.name,
          check,
          passed: true,
          detail: run(loss, problem, flags) ?? '',
        });
      } catch (error) {
        const detail = error instanceof Failed ? error.message : `it threw ${String(error)}`;
        findings.push({ problem: problem.name, check, passed: false, detail });
      }
    }
  }
  const wrong = findings.filter(({ passed }) => !passed);
  if (flags.json) for (const finding of findings) console.log(toJson(finding));
  else {
    const rows = Object.keys(checks).map((check) => {
      const of = findings.filter((finding) => finding.check === check);
      const failures = of.filter(({ passed }) => !passed).length;
      return [check, failures > 0 ? `FAILED in ${failures} of ${of.length}` : `passed in ${of.length}`];
    });
    console.log(tableOf([loss.name ?? file, ''], rows, 2));
    for (const { problem, check, detail } of wrong)
      console.log(`FAILED  ${check}, with ${problem}: ${detail}`);
    console.log(
      wrong.length === 0 ? 'All checks passed.' : `${wrong.length} of ${findings.length} checks failed.`,
    );
  }
  return wrong.length > 0 ? EXIT.below : EXIT.ok;
}
