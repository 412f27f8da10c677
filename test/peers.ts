/** The peers' numbers for their own functions (`test/oracle-compat`), and the functions of ours that they are held against. */
import type { Loss, LossCall, Target } from '../ts/index.js';

export interface Input extends LossCall {
  readonly prediction: readonly number[];
  readonly target: readonly number[];
  /** The typed array the target is. */
  readonly targetKind: string;
}

export interface Case {
  readonly function: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly input: string;
  /** Why ours is another number, or refuses. */
  readonly deviation?: string;
  /** The value has one entry a loss before the mean, and no gradient. */
  readonly unreduced?: true;
  readonly value: number | readonly number[];
  readonly gradient?: readonly number[];
  /** What the peer's function gives, of which the value is the mean. */
  readonly each?: readonly number[];
}

export interface Oracle {
  readonly peer: string;
  readonly version: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly cases: readonly Case[];
}

export type Factory = (options?: object) => Loss;

export const ORACLES = Object.values(
  import.meta.glob<Oracle>('./oracle-compat/*.json', { eager: true, import: 'default' }),
);

const doors = import.meta.glob<Readonly<Record<string, Factory>>>('../ts/compat/*.ts', { eager: true });

/** What `segloss/compat/<peer>` exports. */
export const doorOf = (peer: string): Readonly<Record<string, Factory>> =>
  doors[`../ts/compat/${peer}.ts`] ?? {};

export function factoryOf(peer: string, name: string): Factory {
  const make = doorOf(peer)[name];
  if (make === undefined) throw new Error(`segloss/compat/${peer} exports no ${name}`);
  return make;
}

/** Prediction, target and call of an input. */
export function dataOf({ prediction, target, targetKind, ...call }: Input): [Float32Array, Target, LossCall] {
  const kinds = globalThis as unknown as Record<
    string,
    { from(data: readonly number[]): Target } | undefined
  >;
  return [Float32Array.from(prediction), kinds[targetKind]?.from(target) as Target, call];
}
