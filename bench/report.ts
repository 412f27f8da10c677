/** Results as text and as JSON. */
import { cpus } from 'node:os';
import { specialisedTs } from './engines/specialised-ts.js';
import { tunedTs } from './engines/tuned-ts.js';
import type { Timing } from './measure.js';

export interface Memory {
  readonly engine: string;
  /** WebAssembly memory of this build after the call. */
  readonly wasmBytes: number;
  /** How far the first call raised the process's peak memory above what it held with logits, labels and gradient. */
  readonly processBytes: number;
}

/** Our builds beside the same kernels compiled for the host, and a copy of the data, in turns. */
export interface Limits {
  /** Entries of the prediction. */
  readonly elements: number;
  readonly timings: readonly Timing[];
}

export const COPY = 'copy';
/** What a build of the core could at best equal. */
export const LIMIT_OF: Readonly<Record<string, string>> = {
  'segloss simd128': 'native 128-bit',
  'segloss relaxed': 'native 128-bit fma',
};

export interface Row {
  readonly case: string;
  readonly mode: 'value' | 'value + gradient';
  readonly pixels: number;
  readonly timings: readonly Timing[];
  readonly limits?: Limits;
  readonly memory?: readonly Memory[];
}

export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number };
  readonly runtime: { readonly node: string; readonly v8: string };
  readonly rows: readonly Row[];
}

export function reportOf(rows: readonly Row[]): Report {
  const { node, v8 } = process.versions;
  return {
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
    runtime: { node, v8 },
    rows,
  };
}

export function heading({ machine, runtime }: Report): string {
  return `${machine.cpu}, ${machine.cores} cores; Node ${runtime.node}, V8 ${runtime.v8}`;
}

const MIB = 2 ** 20;
const timeOf = (row: Row, engine: string): Timing | undefined => row.timings.find((t) => t.engine === engine);
export const aloneName = (engine: string, part: string): string => `${engine}, ${part} alone`;

/** How many times faster than `baseline`; nothing where that leaves the case out. */
function factor(baseline: Timing | undefined, min: number): string {
  return baseline ? `${(baseline.min / min).toFixed(2)} x` : '';
}

function lineOf(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(38) : cell.padStart(16)))
    .join('')
    .trimEnd();
}

/** How far each build is from what the hardware could do: nanoseconds of an element, and times the limits. */
function limitLines({ limits }: Row): string[] {
  const limitOf = (name: string | undefined): Timing | undefined =>
    limits?.timings.find(({ engine }) => engine === name);
  const copy = limitOf(COPY);
  if (limits === undefined || copy === undefined) return [];
  return limits.timings.map(({ engine, min }) => {
    const native = limitOf(LIMIT_OF[engine]);
    return lineOf([
      `  ${engine}`,
      `${((min * 1e6) / limits.elements).toFixed(3)} ns/el`,
      `${(min / copy.min).toFixed(1)} x copy`,
      native ? `  ${(min / native.min).toFixed(2)} x ${native.engine}` : '',
    ]);
  });
}

/** What the ratios are to: what one writes for any number of classes, and what one can write for a few. */
const BASELINES = [tunedTs.name, specialisedTs.name];

/** A row: its engines, the baselines' minima over the minimum of each, the memory. */
export function linesOf(row: Row, part?: string): string[] {
  const lines = row.timings.map(({ engine, min, median, rounds }) =>
    lineOf([
      `  ${engine}`,
      min.toFixed(4),
      median.toFixed(4),
      ((min * 1e6) / row.pixels).toFixed(2),
      ...BASELINES.map((baseline) => factor(timeOf(row, baseline), min)),
      `${rounds}`,
    ]),
  );
  lines.push(...limitLines(row));
  for (const { engine, min } of row.timings) {
    const alone = part === undefined ? undefined : timeOf(row, aloneName(engine, part));
    if (alone) lines.push(`  ${engine}: ${(min / alone.min).toFixed(2)} x the time of ${part} alone`);
  }
  for (const { engine, wasmBytes, processBytes } of row.memory ?? []) {
    const [wasm, above] = [wasmBytes / MIB, processBytes / MIB].map((mib) => `${mib.toFixed(2)} MiB`);
    lines.push(`  ${engine}: ${wasm} of WebAssembly memory; process ${above} above its arrays`);
  }
  const titles = [
    `${row.case}, ${row.mode}`,
    'min ms',
    'median ms',
    'min ns/px',
    ...BASELINES.map((name) => `x ${name.replace('-ts', '')}`),
    'rounds',
  ];
  const [first = '', ...rest] = titles;
  return [first, lineOf(['', ...rest]), ...lines];
}

/** How the minima of two runs compare; the bounds are from the minima of each run's quarters. */
export function compare(before: Report, after: Report): string[] {
  const lines = [
    `before: ${heading(before)}`,
    `after:  ${heading(after)}`,
    'after / before of the minima [between the noise bounds]; the same against tuned-ts of the same run',
    'The bounds hold the noise within a run; a machine that was busier in one of them shows in all engines alike.',
  ];
  for (const row of after.rows) {
    const old = before.rows.find((r) => r.case === row.case && r.mode === row.mode);
    if (old === undefined) continue;
    lines.push(`${row.case}, ${row.mode}`);
    const drift = (timeOf(row, tunedTs.name)?.min ?? NaN) / (timeOf(old, tunedTs.name)?.min ?? NaN);
    for (const now of row.timings) {
      const then = timeOf(old, now.engine);
      if (then === undefined) continue;
      const low = Math.min(...now.minima) / Math.max(...then.minima);
      const high = Math.max(...now.minima) / Math.min(...then.minima);
      const ratio = now.min / then.min;
      const verdict = high < 1 ? 'faster' : low > 1 ? 'slower' : 'within noise';
      lines.push(
        lineOf([
          `  ${now.engine}`,
          ratio.toFixed(3),
          `[${low.toFixed(2)}, ${high.toFixed(2)}]`,
          (ratio / drift).toFixed(3),
          verdict,
        ]),
      );
    }
  }
  return lines;
}
