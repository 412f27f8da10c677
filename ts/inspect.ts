/** How results print in Node, Bun and Deno. Read by `Symbol.for`, so that nothing of Node is imported. */
import type { LossConfig } from './types.js';

/** What `util.inspect` and `console.log` call. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Entries shown of a long list. */
const SHOWN = 8;

/** A value as one would write it in code. */
export function code(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(code).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return `{ ${entries.map(([name, entry]) => `${name}: ${code(entry)}`).join(', ')} }`;
}

/** A configuration as the call that makes its loss. */
export function callOf({ name, options, terms }: LossConfig): string {
  const parts = terms?.map(([weight, term]) => `[${weight}, ${callOf(term)}]`);
  const given = Object.values(options).some((value) => value !== undefined) ? [code(options)] : [];
  return `${name}(${[...(parts ? [`[${parts.join(', ')}]`] : []), ...given].join(', ')})`;
}

/** A number with as many digits as one compares. */
export const brief = (x: number): string => String(Number(x.toPrecision(5)));

/** The first of a list, and how many more there are. */
export function first<T>(
  list: readonly T[],
  write: (entry: T, at: number) => string,
  separator: string,
): string {
  const shown = list.slice(0, SHOWN).map(write);
  if (list.length > SHOWN) shown.push(`… ${list.length - SHOWN} more`);
  return shown.join(separator);
}

/** Gives a plain result a way to print; it has no further entry by that. */
export function printed<T extends object>(result: T, print: () => string): T {
  return Object.defineProperty(result, INSPECT, { value: print });
}
