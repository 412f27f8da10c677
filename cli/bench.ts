/** `segloss bench`: this machine, the package against plain TypeScript, every answer checked first. */
import * as segloss from 'segloss';
import { CASES, problemOf } from '../bench/cases.js';
import { checkAnswers } from '../bench/check.js';
import { idiomaticTs } from '../bench/engines/idiomatic-ts.js';
import { seglossEngine } from '../bench/engines/segloss.js';
import { specialisedTs } from '../bench/engines/specialised-ts.js';
import { tunedTs } from '../bench/engines/tuned-ts.js';
import { measure } from '../bench/measure.js';
import { heading, linesOf, type Row, reportOf } from '../bench/report.js';
import { toJson } from './json.js';
import { EXIT, UsageError } from './errors.js';

export interface BenchFlags {
  readonly case: string;
  readonly seconds: number;
  readonly json?: boolean;
}

export function benchCommand(flags: BenchFlags): number {
  const wanted = CASES.filter(({ name, large }) => !large && name.includes(flags.case));
  if (wanted.length === 0) {
    throw new UsageError(
      `--case ${flags.case} is part of no case's name; there are ${CASES.map(({ name }) => name).join('; ')}.`,
    );
  }
  // Before the machine line, which names the build in use.
  segloss.setup();
  const engines = [seglossEngine(segloss), idiomaticTs, specialisedTs, tunedTs];
  if (!flags.json) console.log(heading(reportOf([])));
  for (const testCase of wanted) {
    const problem = problemOf(testCase);
    const runs = engines.flatMap((engine) => {
      const run = engine.prepare(problem);
      return run ? [{ ...engine, run }] : [];
    });
    const out = new Float32Array(problem.pred.length);
    checkAnswers(runs, out.length);
    for (const mode of ['value', 'value + gradient'] as const) {
      const timings = measure(runs, mode === 'value' ? undefined : out, flags.seconds * 1000);
      const row: Row = { case: testCase.name, mode, pixels: problem.samples * problem.pixels, timings };
      console.log(
        flags.json ? toJson({ ...reportOf([]), rows: undefined, ...row }) : linesOf(row).join('\n'),
      );
    }
  }
  return EXIT.ok;
}
