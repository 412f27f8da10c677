/** `npm run bench`: times segloss against TypeScript; every answer is checked first. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CASES, type Case, type Engine, type Problem, problemOf } from './cases.js';
import { checkAnswers, type Named } from './check.js';
import { idiomaticTs } from './engines/idiomatic-ts.js';
import { loadBuild, type Package, seglossEngine } from './engines/segloss.js';
import { specialisedTs } from './engines/specialised-ts.js';
import { tunedTs } from './engines/tuned-ts.js';
import { measure } from './measure.js';
import { buildNative, measureNative, type Native } from './native.js';
import {
  aloneName,
  compare,
  heading,
  linesOf,
  type Memory,
  type Report,
  reportOf,
  type Row,
} from './report.js';

const ROOT = join(import.meta.dirname, '..');
const MILLISECONDS = { value: 1000, 'value + gradient': 2000 };
/** Of each native program, and of each build beside them. */
const NATIVE_MILLISECONDS = 600;
/** Tells a child of this file from its parent, and lets it free the arrays of one case before the next. */
const FLAG = '--expose-gc';

const USAGE = `npm run bench -- [--case REGEX] [--large] [--native] [--check] [--json FILE]
npm run bench -- --compare BEFORE.json AFTER.json

  --case REGEX   only the cases whose names match
  --large        the two volumes of millions of voxels too
  --native       beside the same kernels compiled for the host, and a copy of the data; needs cargo
  --check        the answers only, no times
  --json FILE    writes the results there
  --compare      how two files of results compare`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    case: { type: 'string', default: '' },
    large: { type: 'boolean', default: false },
    native: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    json: { type: 'string' },
    compare: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function read(file: string | undefined): Report {
  if (file === undefined) throw new RangeError('--compare expected two files: BEFORE.json AFTER.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

/** Runs this file in a child process with the flags a measurement needs; Node 20 has relaxed SIMD behind one. */
async function runWithFlags(): Promise<number> {
  const segloss = await loadBuild(ROOT, 'auto');
  const relaxed = segloss.backend().simd === 'relaxed' ? [] : ['--experimental-wasm-relaxed-simd'];
  const args = [FLAG, ...relaxed, ...process.execArgv, ...process.argv.slice(1)];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

function runsOf(engines: readonly Engine[], problem: Problem): Named[] {
  return engines.flatMap((engine) => {
    const run = engine.prepare(problem);
    return run ? [{ ...engine, run }] : [];
  });
}

/** The first call of each build, before anything else has raised the process's peak. */
function memoryOf(builds: readonly Package[], problem: Problem, out: Float32Array): Memory[] {
  return builds.map((segloss) => {
    const engine = seglossEngine(segloss);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    engine.prepare(problem)?.(out);
    const peak = process.resourceUsage().maxRSS * 1024;
    return { engine: engine.name, wasmBytes: segloss.backend().memoryBytes, processBytes: peak - before };
  });
}

function rowsOf(testCase: Case, builds: readonly Package[], built: readonly Native[]): Row[] {
  const problem = problemOf(testCase);
  const natives = problem.native === false ? [] : built;
  const { name, part, large, pred, samples } = problem;
  // Filled, so that its pages count as held before the first call.
  const out = new Float32Array(pred.length).fill(1);
  const memory = large && memoryOf(builds, problem, out);
  const engines = builds.map(seglossEngine);
  const ours = runsOf(engines, problem);
  const runs = [...ours, ...runsOf([idiomaticTs, specialisedTs, tunedTs], problem)];
  checkAnswers(runs, pred.length, problem.tolerance);
  const reference = runs.at(-1);
  if (options.check) {
    console.log(`ok  ${name}: ${runs.map((run) => run.name).join(', ')}`);
    return [];
  }
  const alone =
    part === undefined
      ? []
      : runsOf(engines, { ...problem, formula: part }).map((run) => ({
          ...run,
          name: aloneName(run.name, part),
        }));
  return (['value', 'value + gradient'] as const).map((mode) => {
    const into = mode === 'value' ? undefined : out;
    const timings = measure([...runs, ...alone], into, MILLISECONDS[mode]);
    const limits =
      reference && natives.length > 0
        ? measureNative(natives, ours, problem, reference.run, into, NATIVE_MILLISECONDS)
        : undefined;
    const row: Row = {
      case: name,
      mode,
      pixels: samples * problem.pixels,
      timings,
      ...(limits && { limits }),
      ...(memory && { memory }),
    };
    console.log(linesOf(row, part).join('\n'));
    return row;
  });
}

async function main(): Promise<void> {
  const wanted = new RegExp(options.case);
  const cases = CASES.filter(({ name, large = false }) => wanted.test(name) && (options.large || !large));
  if (cases.length === 0)
    throw new RangeError(`--case ${options.case} matches no case; it is tried on their names`);
  const builds = [await loadBuild(ROOT, 'simd128'), await loadBuild(ROOT, 'relaxed')];
  const natives = options.native ? buildNative(ROOT) : [];
  console.log(heading(reportOf([])));
  const rows = cases.flatMap((testCase) => {
    globalThis.gc?.();
    return rowsOf(testCase, builds, natives);
  });
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(reportOf(rows), null, 1)}\n`);
}

if (options.help) console.log(USAGE);
else if (options.compare) console.log(compare(read(positionals[0]), read(positionals[1])).join('\n'));
else if (process.execArgv.includes(FLAG)) await main();
else process.exitCode = await runWithFlags();
