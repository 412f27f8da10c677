/**
 * The limit: the same kernels compiled for the host, and a copy that only reads and writes. Each runs in a process of its
 * own (crate/examples/native.rs), on the same inputs, and its answer is checked.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cargo } from '../scripts/toolchain.mjs';
import type { Problem, Run } from './cases.js';
import { closeTo, type Named } from './check.js';
import { joined, measure, type Timing } from './measure.js';
import { COPY, type Limits } from './report.js';

/** 128-bit vectors in the encoding V8 uses on the same host, without and with fused multiply-add. */
const VARIANTS = {
  'native 128-bit': '-C target-cpu=x86-64-v2 -C target-feature=+avx',
  'native 128-bit fma': '-C target-cpu=x86-64-v2 -C target-feature=+fma',
  // The kernels' vectors stay 128 bits wide: what the compiler makes of AVX2 around them.
  'native avx2': '-C target-cpu=x86-64-v3',
};
export interface Native {
  readonly name: string;
  readonly program: string;
}

export function buildNative(root: string): Native[] {
  const { env, missing } = cargo();
  if (env === undefined) throw new Error(`--native: ${missing}`);
  return Object.entries(VARIANTS).map(([name, flags]) => {
    const target = join(root, 'target', name.replaceAll(' ', '-'));
    execFileSync(
      'cargo',
      ['build', '--quiet', '--release', '--locked', '--example', 'native', '--features', 'native'],
      { cwd: root, env: { ...env, RUSTFLAGS: flags, CARGO_TARGET_DIR: target }, stdio: 'inherit' },
    );
    return { name, program: join(target, 'release', 'examples', 'native') };
  });
}

interface Output {
  readonly value: number;
  /** Σ |gradient|. */
  readonly gradient: number;
  readonly kernel: Omit<Timing, 'engine'>;
  readonly copy: Omit<Timing, 'engine'>;
}

/** Times that everything is timed, in turn: each variant is a process, so that single rounds cannot take turns. */
const TURNS = 6;

/** Timings of our builds, every variant and the copy, `milliseconds` each; `reference` knows the answer. */
export function measureNative(
  natives: readonly Native[],
  builds: readonly Named[],
  problem: Problem,
  reference: Run,
  out: Float32Array | undefined,
  milliseconds: number,
): Limits {
  const turns = Array.from({ length: TURNS }, () => {
    const limits = measureOnce(natives, problem, reference, out, milliseconds / TURNS);
    return [...measure(builds, out, (builds.length * milliseconds) / TURNS), ...limits];
  });
  const [first = []] = turns;
  return {
    elements: problem.pred.length,
    timings: first.map((_, at) => joined(turns.flatMap((turn) => turn[at] ?? []))),
  };
}

function measureOnce(
  natives: readonly Native[],
  problem: Problem,
  reference: Run,
  out: Float32Array | undefined,
  milliseconds: number,
): Timing[] {
  const value = reference(out);
  const gradient = out?.reduce((sum, g) => sum + Math.abs(g), 0) ?? 0;
  const { formula, samples, channels, pixels, channelsLast } = problem;
  const size = [samples, channels, pixels].map(String);
  const results = natives.map(({ name, program }) => {
    const args = [formula, ...size, channelsLast ? 'last' : 'first', out ? 'gradient' : 'value'];
    const text = execFileSync(program, [...args, `${milliseconds}`], { encoding: 'utf8' });
    const result = JSON.parse(text) as Output;
    closeTo(`${name}: value`, result.value, value);
    closeTo(`${name}: sum of the gradient`, result.gradient, gradient);
    return { name, ...result };
  });
  const copies = results.map(({ copy }) => copy).sort((a, b) => a.min - b.min);
  return [
    ...results.map(({ name, kernel }) => ({ engine: name, ...kernel })),
    ...copies.slice(0, 1).map((copy) => ({ engine: COPY, ...copy })),
  ];
}
