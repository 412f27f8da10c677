/**
 * Checks options when a loss is made. What passes is an invariant of every call.
 */
import type { Activation, DataFormat, Reduction, SharedOptions, Smooth, Transform } from '../types.js';
import { checkNames } from './nearest.js';

/** Throws unless the value of the option `name` is acceptable. */
export type Rule = (value: unknown, name: string) => void;
export type Rules = Readonly<Record<string, Rule>>;

export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  return String(value);
}

export function oneOf(...accepted: readonly string[]): Rule {
  const list = accepted.map((a) => `'${a}'`).join(', ');
  return (value, name) => {
    if (typeof value !== 'string') {
      throw new TypeError(`"${name}" expected one of ${list}, got ${show(value)}`);
    }
    if (!accepted.includes(value)) {
      throw new RangeError(`"${name}" expected one of ${list}, got ${show(value)}`);
    }
  };
}

interface Interval {
  readonly min?: number;
  readonly max?: number;
  /** The upper end itself is out. */
  readonly below?: number;
  readonly integer?: boolean;
}

function interval(bounds: Interval): string {
  const kind = bounds.integer ? 'an integer' : 'a finite number';
  const { min, max, below } = bounds;
  if (below !== undefined) return `${kind} in [${min ?? '-∞'}, ${below})`;
  if (max !== undefined) return `${kind} in [${min ?? '-∞'}, ${max}]`;
  return min === undefined ? kind : `${kind} ≥ ${min}`;
}

export function number(bounds: Interval = {}): Rule {
  const { min = -Infinity, max = Infinity, below = Infinity } = bounds;
  return (value, name) => {
    const expected = interval(bounds);
    if (typeof value !== 'number') {
      throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
    }
    const inside = Number.isFinite(value) && value >= min && value <= max && value < below;
    if (!inside || (bounds.integer === true && !Number.isInteger(value))) {
      throw new RangeError(`"${name}" expected ${expected}, got ${value}`);
    }
  };
}

export function boolean(value: unknown, name: string): void {
  if (typeof value !== 'boolean') throw new TypeError(`"${name}" expected true or false, got ${show(value)}`);
}

export function numbers(bounds: Interval): Rule {
  const each = number(bounds);
  return (value, name) => {
    if (!Array.isArray(value)) {
      throw new TypeError(`"${name}" expected an array, each ${interval(bounds)}, got ${show(value)}`);
    }
    value.forEach((entry, i) => {
      each(entry, `${name}[${i}]`);
    });
  };
}

/** One of a few numbers. */
export function oneOfNumbers(...accepted: readonly number[]): Rule {
  return (value, name) => {
    const expected = accepted.join(' or ');
    if (typeof value !== 'number') throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
    if (!accepted.includes(value)) throw new RangeError(`"${name}" expected ${expected}, got ${value}`);
  };
}

/** A number, or one number a class. */
export function numberOrNumbers(bounds: Interval): Rule {
  const [one, many] = [number(bounds), numbers(bounds)];
  return (value, name) => {
    (Array.isArray(value) ? many : one)(value, name);
  };
}

const classList: Rule = (value, name) => {
  numbers({ min: 0, integer: true })(value, name);
  const list = value as number[];
  if (list.length === 0) throw new RangeError(`"${name}" expected at least one class, got an empty list`);
  const twice = list.find((k, i) => list.indexOf(k) !== i);
  if (twice !== undefined) {
    throw new RangeError(`"${name}" expected each class once, got ${twice} more than once`);
  }
};

const smooth: Rule = (value, name) => {
  const part = number({ min: 0 });
  if (typeof value !== 'object' || value === null) {
    part(value, name);
    return;
  }
  checkNames(value, ['numerator', 'denominator'], `"${name}"`);
  part((value as Smooth).numerator, `${name}.numerator`);
  part((value as Smooth).denominator, `${name}.denominator`);
};

const transform: Rule = (value, name) => {
  if (typeof value === 'object' && value !== null) {
    checkNames(value, ['power'], `"${name}"`);
    number({ min: 0 })((value as { power?: unknown }).power, `${name}.power`);
    return;
  }
  const names: Exclude<Transform, object>[] = ['oneMinus', 'log', 'logCosh', 'negative'];
  if (typeof value !== 'string') {
    throw new TypeError(
      `"${name}" expected one of ${names.map((n) => `'${n}'`).join(', ')} or { power }, got ${show(value)}`,
    );
  }
  oneOf(...names)(value, name);
};

const activations: Activation[] = ['sigmoid', 'softmax', 'none'];
const formats: DataFormat[] = ['channelsFirst', 'channelsLast'];
const reductions: Reduction[] = ['mean', 'sum'];

export const SHARED: Rules = {
  activation: oneOf(...activations),
  dataFormat: oneOf(...formats),
  reduction: oneOf(...reductions),
  ignoreIndex: number({ integer: true }),
  classes: classList,
  includeBackground: boolean,
  classWeights: numbers({ min: 0 }),
};

export const PIXEL: Rules = {
  ...SHARED,
  normalizer: oneOf('valid', 'weights', 'all', 'labelWeights'),
  meanOver: oneOf('elements', 'pixels'),
};

export const SMOOTHED: Rules = { ...PIXEL, labelSmoothing: number({ min: 0, below: 1 }) };

export const GROUPED: Rules = { ...SHARED, aggregate: oneOf('sample', 'batch'), smooth };

export const REGION: Rules = {
  ...GROUPED,
  average: oneOf('macro', 'micro'),
  classWeighting: oneOf('normalized', 'raw'),
  emptyClass: oneOf('score', 'skip', 'zero', 'one'),
};

export const TRANSFORM: Rules = { transform, overlap: oneOf('product', 'minimum') };

/** A deep copy of plain data without absent entries; typed arrays and other instances stay what they are. */
export function copy<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copy) as T;
  if (Object.prototype.toString.call(value) !== '[object Object]') return value;
  const present = Object.entries(value as object).filter(([, v]) => v !== undefined);
  return Object.fromEntries(present.map(([k, v]) => [k, copy(v) as unknown])) as T;
}

/** The options as given, checked and copied; `undefined` means absent. */
export function checkOptions<O extends object>(loss: string, given: O | undefined, rules: Rules): O {
  if (given === undefined) return {} as O;
  if (typeof given !== 'object' || (given as unknown) === null || Array.isArray(given)) {
    throw new TypeError(`${loss} expected an options object, got ${show(given)}`);
  }
  checkNames(given, Object.keys(rules), `${loss} options`);
  const options = copy(given);
  for (const [name, value] of Object.entries(options)) rules[name]?.(value, name);
  const shared = options as SharedOptions;
  if (shared.classes !== undefined && shared.includeBackground !== undefined) {
    throw new RangeError(`"includeBackground" and "classes" say the same thing; give one of them`);
  }
  if ((options as { average?: string }).average === 'micro' && shared.classWeights !== undefined) {
    throw new RangeError(
      `"classWeights" have no meaning with average: 'micro', which pools the classes first`,
    );
  }
  return options;
}

/** Throws unless the activation is one the loss is defined for. */
export function refuseActivation(
  loss: string,
  given: Activation | undefined,
  refused: Activation,
  use: string,
): void {
  if (given === refused) {
    throw new RangeError(`"activation" of ${loss} cannot be '${refused}'; use ${use}`);
  }
}

/** Throws: a combination of options that no formula has. */
export function refuse(text: string): never {
  throw new RangeError(text);
}

/** Throws unless `value` is a function. */
export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw new TypeError(`"${name}" expected a function, got ${show(value)}`);
}

/** Throws unless `value` is a non-empty string. */
export function checkName(value: unknown, name: string): void {
  if (typeof value !== 'string') throw new TypeError(`"${name}" expected a string, got ${show(value)}`);
  if (value === '') throw new RangeError(`"${name}" expected a name, got an empty string`);
}
