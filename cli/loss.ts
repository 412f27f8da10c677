/** `segloss loss`. */
import { readFileSync } from 'node:fs';
import { lossFromJSON } from 'segloss';
import { casesOf } from './cases.js';
import { type CommonFlags, finish, runOptions, tellUnmatched, writeJson } from './common.js';
import { EXIT, messageOf, UsageError } from './errors.js';
import { meanOf } from './evaluate.js';
import type { LossOptions, LossResult } from './loss-of.js';
import { csvLine, tableOf } from './report.js';
import { failed, type Line, runCases } from './run.js';

export interface LossFlags extends Omit<CommonFlags, 'ignore'> {
  readonly loss: string;
  readonly axes?: string;
}

/** JSON, or a file that holds it. */
function configOf(text: string): LossOptions['loss'] {
  try {
    const json = text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8');
    const config = JSON.parse(json) as LossOptions['loss'];
    // Says what is wrong before any file is read.
    lossFromJSON(config);
    return config;
  } catch (error) {
    throw new UsageError(
      `--loss expected a loss as JSON, such as '{"name":"diceLoss","options":{"smooth":1}}', or a file that holds it; ${messageOf(error)}.`,
    );
  }
}

const digits = (value: number): string => String(Number(value.toPrecision(10)));

function tables(lines: readonly Line<LossResult>[]): string {
  const done = lines.flatMap((line) => (failed(line) ? [] : [line]));
  const terms = done[0]?.terms ?? [];
  const head = ['case', 'loss', ...terms.map(({ name, weight }) => `${weight} × ${name}`)];
  const rows = lines.map((line) =>
    failed(line)
      ? [line.case, 'failed', ...terms.map(() => '')]
      : [line.case, digits(line.value), ...(line.terms ?? []).map(({ value }) => digits(value))],
  );
  if (lines.length > 1)
    rows.push(['mean', digits(meanOf(done.map(({ value }) => value))), ...terms.map(() => '')]);
  const classes = done.length === 1 ? (done[0]?.perClass ?? []) : [];
  const perClass = classes.map((value, i) => [String(done[0]?.classes[i]), digits(value)]);
  return [
    tableOf(head, rows, 1),
    ...(perClass.length > 1 ? [tableOf(['class', 'loss'], perClass, 1)] : []),
  ].join('\n');
}

function csv(lines: readonly Line<LossResult>[]): string {
  const rows = lines.map((line) => {
    const [value, error] = failed(line) ? ['', line.error] : [line.value, ''];
    return csvLine([line.case, value, line.pred, line.truth, error]);
  });
  return [csvLine(['case', 'loss', 'pred', 'truth', 'error']), ...rows].join('\n');
}

export async function lossCommand(pred: string, truth: string, flags: LossFlags): Promise<number> {
  const { axes, foreground } = flags;
  const options: LossOptions = {
    loss: configOf(flags.loss),
    ...(axes && { axes }),
    ...(foreground && { foreground }),
  };
  const matched = casesOf(pred, truth, flags);
  tellUnmatched(matched);
  const lines = await runCases('loss', matched.cases, options, runOptions(flags, matched));
  const done = lines.flatMap((line) => (failed(line) ? [] : [line]));
  if (flags.csv) console.log(csv(lines));
  else if (flags.json) {
    const mean = meanOf(done.map(({ value }) => value));
    if (matched.folders)
      writeJson({ summary: { cases: done.length, failed: lines.length - done.length, mean } });
  } else if (done.length > 0) console.log(tables(lines));
  return finish(lines) ?? EXIT.ok;
}
