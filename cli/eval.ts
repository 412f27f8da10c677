/** `segloss eval`. */
import { casesOf } from './cases.js';
import { type CommonFlags, finish, runOptions, tellUnmatched, writeJson } from './common.js';
import { EXIT } from './errors.js';
import { type EvalOptions, meanOf } from './evaluate.js';
import { readNames } from './labels.js';
import { evalCsv, evalTables, show, summaryOf } from './report.js';
import { failed, runCases } from './run.js';

export interface EvalFlags extends CommonFlags {
  readonly threshold?: number;
  readonly labels?: string;
  readonly background?: boolean;
  readonly empty?: NonNullable<EvalOptions['emptyClass']>;
  readonly surface?: boolean;
  readonly surfels?: boolean;
  readonly tolerance?: number;
  readonly spacing?: readonly number[];
  readonly lesions?: boolean;
  readonly connectivity?: number;
  readonly minOverlap?: number;
  readonly minDice?: number;
}

/** What a worker needs, and what the results stand on; nothing that is absent, so that it compares as JSON. */
function optionsOf(flags: EvalFlags): EvalOptions {
  const { threshold, foreground, ignore, empty, background, surface, surfels, tolerance, spacing, lesions } =
    flags;
  const { connectivity, minOverlap } = flags;
  const all = {
    threshold,
    foreground,
    ignore,
    emptyClass: empty,
    background,
    surface: surfels ? 'surfels' : surface ? 'voxels' : undefined,
    tolerance,
    spacing,
    lesions,
    connectivity,
    minOverlap,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export async function evalCommand(pred: string, truth: string, flags: EvalFlags): Promise<number> {
  const names = flags.labels === undefined ? {} : readNames(flags.labels);
  const matched = casesOf(pred, truth, flags);
  tellUnmatched(matched);
  const pair = !matched.folders;
  const options = optionsOf(flags);
  const lines = await runCases('eval', matched.cases, options, runOptions(flags, matched, names));
  const done = lines.flatMap((line) => (failed(line) ? [] : [line]));
  if (flags.csv) console.log(evalCsv(lines, options, names));
  else if (flags.json) {
    if (!pair) {
      const means = done.map((line) => line.mean.dice ?? NaN);
      const { onlyPred, onlyTruth } = matched;
      const failures = lines.length - done.length;
      writeJson({
        summary: {
          cases: done.length,
          failed: failures,
          onlyPred,
          onlyTruth,
          meanDice: meanOf(means),
          labels: summaryOf(done, names),
        },
      });
    }
  } else if (!pair || done.length > 0) console.log(evalTables(lines, options, names, pair));

  const { minDice = -Infinity } = flags;
  const below = done.filter((line) => (line.mean.dice ?? NaN) < minDice);
  for (const line of below) {
    console.error(
      `${line.case}: the mean Dice of its labels is ${show(line.mean.dice)}, below --min-dice ${minDice}.`,
    );
  }
  return finish(lines) ?? (below.length > 0 ? EXIT.below : EXIT.ok);
}
