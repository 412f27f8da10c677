/** segloss and the TypeScript baseline, under the same conditions as the peers. */
import { join } from 'node:path';
import { loadBuild, seglossEngine } from '../engines/segloss.js';
import { tunedTs } from '../engines/tuned-ts.js';

export async function prepare(problem, [build]) {
  const engine =
    build === 'tuned-ts'
      ? tunedTs
      : seglossEngine(await loadBuild(join(import.meta.dirname, '..', '..'), build));
  const run = engine.prepare(problem);
  return { call: () => run(problem.out), gradient: () => problem.out };
}
