/**
 * `npm run bench:peers`: segloss beside what else computes these losses, value + gradient, one thread, each engine in a
 * process of its own on the same inputs; its answer is checked before its time counts.
 *
 *   npm ci --prefix bench/peers && npm run bench:peers -- [--case REGEX] [--engine REGEX] [--turns N] [--write]
 *
 * `--turns` times every engine so often, all in turn, where a machine is fast and slow by turns. `--write` leaves
 * bench/peers/results/DATE-MACHINE.json, which keeps the cases of an earlier run that day.
 *
 * What the peers get for free: prediction and target lie in their own memory, labels one-hot and in the layout they like
 * best, before the clock starts; segloss copies from and to plain arrays within its time.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { problemOf } from '../cases.js';
import { tunedTs } from '../engines/tuned-ts.js';
import { joined, timingOf } from '../measure.js';
import { CASES, ENGINES, OURS } from './cases.mjs';

const MILLISECONDS = 1500;
const TIMEOUT_MS = 240_000;
const MANY_ENTRIES = 2 ** 23;
const MIB = 2 ** 20;
/** Peers sum in f32 one after the other, which at millions of pixels is off by this much; the table tells by how much. */
const VALUE_TOLERANCE = 0.05;
/** Of the gradient's largest entry. */
const GRADIENT_TOLERANCE = 1e-3;

const { values: options } = parseArgs({
  options: {
    case: { type: 'string', default: '' },
    engine: { type: 'string', default: '' },
    turns: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});

function errorOf(actual, expected) {
  let [largest, error] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    error = Math.max(error, Math.abs(actual[i] - expected[i]));
  }
  return error / largest;
}

function measured({ name, command, slow }, problem, folder, expected) {
  const { formula, samples, channels, pixels, pred, memory } = problem;
  if (slow && pred.length > MANY_ENTRIES) return undefined;
  const [program, ...args] = command;
  const numbers = [samples, channels, pixels, MILLISECONDS].map(String);
  for (const name of ['grad', 'result']) rmSync(join(folder, name), { force: true });
  const { status, stderr } = spawnSync(program, [...args, formula, folder, ...numbers], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
  });
  const lastLine = (text) => text?.trim().split('\n').at(-1) ?? '';
  if (status !== 0) {
    const reason =
      /^\S*Error:.*$/m.exec(stderr)?.[0] ?? (lastLine(stderr) || `no answer in ${TIMEOUT_MS / 1e3} s`);
    return { engine: name, failed: reason.slice(0, 200) };
  }
  const { missing, value, times, processBytes } = JSON.parse(readFileSync(join(folder, 'result'), 'utf8'));
  if (missing) return undefined;
  const bytes = readFileSync(join(folder, 'grad'));
  const grad = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const valueError = Math.abs(value - expected.value) / Math.abs(expected.value);
  const gradientError = errorOf(grad, expected.grad);
  if (!(valueError <= VALUE_TOLERANCE && gradientError <= GRADIENT_TOLERANCE)) {
    return { engine: name, failed: `wrong answer: value off by ${valueError}, gradient by ${gradientError}` };
  }
  return { ...timingOf(name, times), valueError, gradientError, ...(memory && { processBytes }) };
}

const columns = (cells) =>
  cells
    .map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(15)))
    .join('')
    .trimEnd();

function linesOf({ case: name, elements, results }) {
  const best = Math.min(...results.filter(({ engine }) => OURS.includes(engine)).map(({ min }) => min));
  const head = ['min ms', 'median ms', 'ns/element', 'x segloss', 'value error', 'memory MiB'];
  return [
    name,
    columns(['', ...head]),
    ...results.map(({ engine, failed, min, median, valueError, processBytes }) =>
      failed
        ? `  ${engine}: ${failed}`
        : columns([
            `  ${engine}`,
            min.toPrecision(4),
            median.toPrecision(4),
            ((min * 1e6) / elements).toFixed(3),
            (min / best).toFixed(2),
            valueError.toExponential(1),
            processBytes === undefined ? '' : (processBytes / MIB).toFixed(0),
          ]),
    ),
  ];
}

function versions() {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'),
  );
  const installed = Object.keys({ ...dependencies, ...devDependencies }).map((name) => {
    const file = join(import.meta.dirname, 'node_modules', name, 'package.json');
    return [name, JSON.parse(readFileSync(file, 'utf8')).version];
  });
  const code =
    'import torch, monai, json; print(json.dumps({"torch": torch.__version__, "monai": monai.__version__}))';
  const { stdout } = spawnSync(process.env.PEERS_PYTHON ?? 'python3', ['-c', code], { encoding: 'utf8' });
  return { node: process.versions.node, ...Object.fromEntries(installed), ...(stdout && JSON.parse(stdout)) };
}

function rowOf(testCase, engines, folder) {
  const problem = problemOf(testCase);
  const expected = { grad: new Float32Array(problem.pred.length) };
  expected.value = tunedTs.prepare(problem)(expected.grad);
  for (const name of ['pred', 'target'])
    writeFileSync(join(folder, name), new Uint8Array(problem[name].buffer));
  const turns = Array.from({ length: Number(options.turns) }, () =>
    engines.map((engine) => measured(engine, problem, folder, expected)),
  );
  const results = turns[0].flatMap((first, at) => {
    const all = turns.map((turn) => turn[at]);
    const failed = all.find((one) => one?.failed);
    return first ? [failed ?? { ...first, ...joined(all) }] : [];
  });
  const row = { case: testCase.name, elements: problem.pred.length, load: loadavg()[0], results };
  console.log(linesOf(row).join('\n'));
  return row;
}

/** Puts a row in the place of its earlier one in the file of this day and machine. */
function write(row, machine, versions) {
  const results = join(import.meta.dirname, 'results');
  const slug = machine.cpu.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  mkdirSync(results, { recursive: true });
  const date = new Date().toISOString().slice(0, 10);
  const file = join(results, `${date}-${slug}.json`);
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : [];
  const rows = CASES.flatMap(({ name }) => [row, ...earlier].find((one) => one.case === name) ?? []);
  writeFileSync(file, `${JSON.stringify({ date, machine, versions, rows }, undefined, 1)}\n`);
}

const [cases, engines] = [
  [CASES, options.case],
  [ENGINES, options.engine],
].map(([all, pattern]) => all.filter(({ name }) => new RegExp(pattern).test(name)));
const folder = mkdtempSync(join(tmpdir(), 'segloss-peers-'));
try {
  const cpu = cpus()[0]?.model ?? 'unknown';
  const machine = { cpu, cores: cpus().length };
  console.log(`${cpu}, ${cpus().length} cores, load ${loadavg()[0]}`);
  const installed = options.write && versions();
  for (const testCase of cases) {
    const row = rowOf(testCase, engines, folder);
    if (installed) write(row, machine, installed);
  }
} finally {
  rmSync(folder, { recursive: true });
}
