/** Works off the cases: in this process or in workers, with a bar, what was finished before left out. */
import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Presets, SingleBar } from 'cli-progress';
import { pool as poolOf } from 'workerpool';
import type { Case } from './cases.js';
import { messageOf, UsageError } from './errors.js';
import { fromJson, toJson } from './json.js';
import { type TaskName, type TaskOptions, type TaskResult, TASKS } from './tasks.js';

export type Outcome<R> =
  | ({ readonly case: string; readonly pred: string; readonly truth: string } & R)
  | { readonly case: string; readonly pred: string; readonly truth: string; readonly error: string };

/** A line of the results: the outcome, and what it stands on. */
export type Line<R> = Outcome<R> & {
  readonly task: TaskName;
  readonly options: object;
  /** When the two files were last changed. */
  readonly changed: readonly [pred: number, truth: number];
};

export interface RunOptions<R> {
  readonly jobs: number;
  readonly progress: boolean;
  readonly resume?: string | undefined;
  /** Called for each case in the order of the cases, as soon as all before it are done. */
  readonly onLine?: (line: Line<R>) => void;
}

export const failed = <R>(outcome: Outcome<R>): outcome is Extract<Outcome<R>, { error: string }> =>
  'error' in outcome;

function changed({ pred, truth }: Case): [number, number] {
  return [statSync(pred).mtimeMs, statSync(truth).mtimeMs];
}

/** The finished cases of a results file, by name; what a killed run left of a last line is cut off. */
function finishedIn<R>(file: string, task: TaskName, options: object): Map<string, Line<R>> {
  const finished = new Map<string, Line<R>>();
  let text: string;
  try {
    appendFileSync(file, '');
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--resume ${file} cannot be written: ${messageOf(error)}.`);
  }
  const end = text.lastIndexOf('\n') + 1;
  if (end < text.length) truncateSync(file, Buffer.byteLength(text.slice(0, end)));
  const lines = text.slice(0, end).split('\n').slice(0, -1);
  const wanted = toJson(options);
  for (const [i, text] of lines.entries()) {
    let line: Line<R>;
    try {
      line = fromJson(text) as Line<R>;
    } catch (error) {
      throw new UsageError(
        `--resume ${file}, line ${i + 1}, is no JSON: ${messageOf(error)}; expected a file that --resume or --json wrote.`,
      );
    }
    if (line?.case === undefined || failed(line)) continue;
    if (line.task !== task || toJson(line.options) !== wanted) {
      throw new UsageError(
        `--resume ${file}, line ${i + 1}, was written by "${line.task}" with the options ${toJson(line.options)}, now they are ${wanted} of "${task}"; use the same options, or another file.`,
      );
    }
    finished.set(line.case, line);
  }
  return finished;
}

const samePlace = <R>(line: Line<R>, one: Case): boolean =>
  line.pred === one.pred && line.truth === one.truth && toJson(line.changed) === toJson(changed(one));

export async function runCases<T extends TaskName>(
  task: T,
  cases: readonly Case[],
  options: TaskOptions<T>,
  run: RunOptions<TaskResult<T>>,
): Promise<Line<TaskResult<T>>[]> {
  type R = TaskResult<T>;
  const before =
    run.resume === undefined ? new Map<string, Line<R>>() : finishedIn<R>(run.resume, task, options);
  const lines: (Line<R> | undefined)[] = cases.map((one) => {
    const line = before.get(one.name);
    return line && samePlace(line, one) ? line : undefined;
  });
  const open = [...cases.keys()].filter((i) => lines[i] === undefined);
  const jobs = Math.min(run.jobs, open.length);
  const pool =
    jobs > 1
      ? poolOf(fileURLToPath(new URL('./cli-worker.js', import.meta.url)), {
          maxWorkers: jobs,
          workerType: 'thread',
        })
      : undefined;
  const bar = new SingleBar(
    {
      format: '{bar} {value} of {total} · {eta_formatted} left · {name}',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 1000,
      hideCursor: true,
      clearOnComplete: true,
    },
    Presets.shades_classic,
  );
  if (run.progress) bar.start(cases.length, cases.length - open.length, { name: '' });

  let given = 0;
  const give = (): void => {
    for (; given < cases.length && lines[given] !== undefined; given++) run.onLine?.(lines[given]!);
  };
  const work = async (i: number): Promise<void> => {
    const one = cases[i]!;
    let result: R | { error: string };
    try {
      result = (await (pool ? pool.exec(task, [one, options]) : TASKS[task](one, options as never))) as R;
    } catch (error) {
      result = { error: messageOf(error) };
    }
    const { name, pred, truth } = one;
    const line = { case: name, pred, truth, ...result, task, options, changed: changed(one) } as Line<R>;
    lines[i] = line;
    if (run.resume !== undefined) appendFileSync(run.resume, `${toJson(line)}\n`);
    if (run.progress) bar.increment(1, { name });
    give();
  };
  try {
    give();
    if (pool) await Promise.all(open.map(work));
    else for (const i of open) await work(i);
  } finally {
    bar.stop();
    await pool?.terminate();
  }
  return lines as Line<R>[];
}
