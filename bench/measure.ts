/** Interleaved rounds: every engine once a round, so that a slow moment of the machine strikes all alike. */
import type { Named } from './check.js';

/** Shorter samples are repeated, since the clock has a grain. */
const SHORTEST_MS = 0.2;
const FEWEST_ROUNDS = 3;
/** Consecutive parts of the rounds that each have a minimum of their own: how far those lie apart is the noise. */
const PARTS = 4;

export interface Timing {
  readonly engine: string;
  /** Milliseconds of a call. */
  readonly min: number;
  readonly median: number;
  /** Minimum of each quarter of the rounds. */
  readonly minima: readonly number[];
  readonly rounds: number;
}

/** Elsewhere the grain of the processor's time is coarser than a sample. */
const FINE_CPU_TIME = process.platform === 'linux';
/** The processor's time may be some 0.1 ms short where a switch falls into it. */
const LONG_MS = 2;

/**
 * Milliseconds that passed: by the clock, or for a long sample by the processor's time where that is less. A busy machine
 * takes the processor away for longer than a fast call lasts, which would strike the slow engines alone.
 */
export function stopwatch(): () => number {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  return () => {
    const elapsed = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuStart);
    const cpu = (user + system) / 1e3;
    return FINE_CPU_TIME && cpu > LONG_MS ? Math.min(elapsed, cpu) : elapsed;
  };
}

/** Milliseconds of one of `repeat` calls. */
function timed(call: () => unknown, repeat: number): number {
  const passed = stopwatch();
  for (let r = 0; r < repeat; r++) call();
  return passed() / repeat;
}

export function timingOf(engine: string, times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    engine,
    min: sorted[0] ?? NaN,
    median: sorted[times.length >> 1] ?? NaN,
    // Fewer rounds than parts leave some empty. Calls of a microsecond come in more rounds than a call takes arguments.
    minima: Array.from({ length: PARTS }, (_, part) =>
      times
        .filter((_, r) => Math.floor((r * PARTS) / times.length) === part)
        .reduce((least, time) => Math.min(least, time), Infinity),
    ).filter(Number.isFinite),
    rounds: times.length,
  };
}

/** One timing of several of the same. */
export function joined(timings: readonly Timing[]): Timing {
  const minima = timings.map(({ min }) => min);
  const medians = timings.map(({ median }) => median).sort((a, b) => a - b);
  const [{ engine } = { engine: '' }] = timings;
  const rounds = timings.reduce((sum, timing) => sum + timing.rounds, 0);
  return { engine, min: Math.min(...minima), median: medians[timings.length >> 1] ?? NaN, minima, rounds };
}

/**
 * Rounds until the engines without a `share` have used `milliseconds`; those with one take part while they have used
 * less than that share of it.
 */
export function measure(
  runs: readonly Named[],
  out: Float32Array | undefined,
  milliseconds: number,
): Timing[] {
  const lanes = runs.map(({ name, run, share }) => {
    const call = (): number => run(out);
    // Doubled until a sample is long enough, since the first calls are not yet compiled.
    let repeat = 1;
    while (timed(call, repeat) * repeat < SHORTEST_MS) repeat *= 2;
    return { name, call, repeat, share, spent: 0, times: [] as number[] };
  });
  let spent = 0;
  for (let round = 0; round < FEWEST_ROUNDS || spent < milliseconds; round++) {
    for (const offset of lanes.keys()) {
      // A rotating order: nobody always runs in the caches its predecessor left.
      const lane = lanes[(round + offset) % lanes.length];
      if (lane === undefined) continue;
      const { call, repeat, share = 1, times } = lane;
      if (share < 1 && round >= FEWEST_ROUNDS && lane.spent > share * milliseconds) continue;
      const time = timed(call, repeat);
      times.push(time);
      lane.spent += time * repeat;
      if (share === 1) spent += time * repeat;
    }
  }
  return lanes.map(({ name, times }) => timingOf(name, times));
}
