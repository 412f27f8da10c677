/**
 * Fills the tables of README.md from what was measured, so that no figure in them is typed.
 *
 *   npm run bench -- --large --json target/bench.json
 *   npx vitest run --project simd128 test/accuracy.test.ts > target/accuracy.txt
 *   node scripts/readme-tables.mjs --bench target/bench.json --accuracy target/accuracy.txt
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';

const MIB = 2 ** 20;
const MODE = 'value + gradient';
const OURS = /^segloss /;

/** @param {string[][]} rows the first is the head; all columns but the first are numbers */
function table(rows) {
  const [head = []] = rows;
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.slice(1).map(line)].join(
    '\n',
  );
}

/** To so many digits, and without an exponent. */
const short = (x, digits) => String(Number(x.toPrecision(digits)));

/** Milliseconds of value + gradient, and how many times faster than the fastest TypeScript of the row that is. */
export function speedTable({ machine, runtime, rows }) {
  const timed = rows.filter(({ mode }) => mode === MODE);
  const engines = [...new Set(timed.flatMap(({ timings }) => timings.map(({ engine }) => engine)))].filter(
    (engine) => !engine.endsWith(' alone'),
  );
  const cell = ({ timings }, engine) => {
    const time = timings.find((timing) => timing.engine === engine);
    if (time === undefined) return '';
    const baseline = Math.min(...timings.filter((one) => !OURS.test(one.engine)).map(({ min }) => min));
    const factor = time.min === baseline ? '' : ` (${short(baseline / time.min, 2)}×)`;
    return `${short(time.min, 3)}${factor}`;
  };
  const body = timed.map((row) => [row.case, ...engines.map((engine) => cell(row, engine))]);
  const memory = timed.flatMap(({ case: name, memory = [] }) =>
    memory.map(({ engine, wasmBytes, processBytes }) => {
      const [wasm, above] = [wasmBytes, processBytes].map((bytes) => (bytes / MIB).toFixed(1));
      return `- ${name}, ${engine}: ${wasm} MiB of WebAssembly memory, process ${above} MiB above its arrays`;
    }),
  );
  return [
    `${machine.cpu}, ${machine.cores} cores, Node ${runtime.node}; milliseconds, least of many rounds; in brackets against the fastest TypeScript.`,
    table([[MODE, ...engines], ...body]),
    ...(memory.length > 0 ? [memory.join('\n')] : []),
  ].join('\n\n');
}

/** The lines `accuracy: what it is 1.2e-3 (of which)` that test/accuracy.test.ts prints. */
export function accuracyTable(output) {
  const lines = stripVTControlCharacters(output).matchAll(/^accuracy: (.+?) (\d\.\de[+-]\d+)( \(.+\))?$/gm);
  const rows = Array.from(lines, ([, what, error, which = '']) => [what + which, error]);
  if (rows.length === 0) throw new RangeError('no line "accuracy: …" in the output of the test');
  return table([['measured against f64', 'error'], ...rows]);
}

/** `text` with what stands between `<!-- slot -->` and `<!-- /slot -->` replaced. */
export function fill(text, slot, content) {
  const [open, close] = [`<!-- ${slot} -->`, `<!-- /${slot} -->`];
  const [from, to] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || to < from) throw new RangeError(`README.md has no ${open} … ${close}`);
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({ options: { bench: { type: 'string' }, accuracy: { type: 'string' } } });
  const readme = join(import.meta.dirname, '..', 'README.md');
  let text = readFileSync(readme, 'utf8');
  if (values.bench) text = fill(text, 'bench', speedTable(JSON.parse(readFileSync(values.bench, 'utf8'))));
  if (values.accuracy) text = fill(text, 'accuracy', accuracyTable(readFileSync(values.accuracy, 'utf8')));
  writeFileSync(readme, text);
}
