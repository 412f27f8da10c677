/** What `eval` and `loss` have in common. */
import { availableParallelism } from 'node:os';
import type { Matched, Patterns } from './cases.js';
import { EXIT } from './errors.js';
import { toJson } from './json.js';
import type { Names } from './labels.js';
import { failed, type Line, type RunOptions } from './run.js';

export interface CommonFlags extends Patterns {
  readonly foreground?: boolean;
  readonly ignore?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly jobs?: number;
  readonly resume?: string;
  readonly progress?: boolean;
}

/** Each worker holds a pair of volumes, so not as many as a large machine has processors. */
const MOST_JOBS = 4;

export const writeJson = (value: unknown): boolean => process.stdout.write(`${toJson(value)}\n`);

/** Says on stderr what has no partner. */
export function tellUnmatched(matched: Matched): void {
  const tell = (names: readonly string[], what: string): void => {
    if (names.length > 0) console.error(`${names.length} without ${what}, left out: ${names.join(', ')}`);
  };
  tell(matched.onlyPred, 'a truth');
  tell(matched.onlyTruth, 'a prediction');
}

type Noted = { readonly notes: readonly string[]; readonly labels?: readonly { readonly label: number }[] };

export function runOptions<R extends Noted>(
  flags: CommonFlags,
  matched: Matched,
  names: Names = {},
): RunOptions<R> {
  const toScreen = (process.stdout.isTTY ?? false) && (flags.json ?? false);
  return {
    jobs: flags.jobs ?? Math.min(availableParallelism(), MOST_JOBS),
    // A bar and lines on one screen would overwrite one another.
    progress: flags.progress ?? (process.stderr.isTTY && matched.folders && !toScreen),
    resume: flags.resume,
    onLine: (line) => {
      if (flags.json) writeJson(named(line, names));
    },
  };
}

function named<R extends Noted>(line: Line<R>, names: Names): Line<R> {
  if (failed(line) || line.labels === undefined || Object.keys(names).length === 0) return line;
  const labels = line.labels.map((row) => ({ name: names[String(row.label)], ...row }));
  return { ...line, labels };
}

/** Says on stderr what failed and what is to be known; the exit code where a case failed. */
export function finish(lines: readonly Line<Noted>[]): number | undefined {
  for (const line of lines) {
    if (failed(line)) console.error(`${line.case} failed. ${line.error}`);
    else for (const note of line.notes) console.error(`${line.case}: ${note}.`);
  }
  return lines.some(failed) ? EXIT.caseFailed : undefined;
}
