/**
 * The regression guard: how many instructions the native kernels take for each pixel, counted by valgrind, since times
 * are noisy. Compared with bench/instructions.json; more by over 5 % fails where the compiler is the recorded one, else
 * the difference is printed.
 *
 *   node bench/instructions.mjs [--write]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cargo } from '../scripts/toolchain.mjs';

const ROOT = join(import.meta.dirname, '..');
const RECORD = join(ROOT, 'bench', 'instructions.json');
const BOUND = 1.05;
/** A chunk of every number of channels here, and no multiple of a tile. */
const PIXELS = 16_100;

const CASES = [
  'binaryCrossEntropy 1 value',
  'binaryCrossEntropy 1 gradient',
  'sigmoidDice 1 value',
  'sigmoidDice 1 gradient',
  'sigmoidFocal 1 gradient',
  'crossEntropy 4 value',
  'crossEntropy 4 gradient',
  'crossEntropy 4 gradient far',
  'softmaxDice 4 gradient',
  'softmaxDice 4 gradient last',
  'softmaxFocal 4 gradient',
  'diceCrossEntropy 2 gradient',
  'diceCrossEntropy 4 value',
  'diceCrossEntropy 4 gradient',
  'diceCrossEntropy 4 gradient far',
  'diceCrossEntropy 21 gradient',
  'diceCrossEntropy 105 gradient',
];

const { env, missing } = cargo();
if (missing) throw new Error(`cargo: ${missing}`);
const target = join(ROOT, 'target', 'instructions');
execFileSync(
  'cargo',
  ['build', '--quiet', '--release', '--locked', '--example', 'native', '--features', 'native'],
  {
    cwd: ROOT,
    env: {
      ...env,
      RUSTFLAGS: '-C target-cpu=x86-64-v2',
      CARGO_TARGET_DIR: target,
      // The counter goes by the function's name.
      CARGO_PROFILE_RELEASE_STRIP: 'none',
    },
    stdio: 'inherit',
  },
);

/** Instructions a pixel, to a hundredth. */
function count(name) {
  const [formula, channels, mode, layout = 'first'] = name.split(' ');
  const { stderr } = spawnSync(
    'valgrind',
    [
      '--tool=callgrind',
      '--toggle-collect=*Problem*loss_call*',
      '--callgrind-out-file=/dev/null',
      join(target, 'release', 'examples', 'native'),
      ...[formula, '1', channels, `${PIXELS}`, layout, mode, '0'],
    ],
    { encoding: 'utf8' },
  );
  const collected = Number(/Collected : (\d+)/.exec(stderr ?? '')?.[1]);
  if (!(collected > 0)) throw new Error(`valgrind counted nothing for ${name}:\n${stderr}`);
  return Math.round((collected / PIXELS) * 100) / 100;
}

const rustc = execFileSync('rustc', ['--version'], { env, encoding: 'utf8' }).trim();
const counts = Object.fromEntries(CASES.map((name) => [name, count(name)]));

if (process.argv.includes('--write')) {
  writeFileSync(RECORD, `${JSON.stringify({ rustc, counts }, null, 2)}\n`);
} else {
  const recorded = JSON.parse(readFileSync(RECORD, 'utf8'));
  const more = [];
  for (const [name, now] of Object.entries(counts)) {
    const ratio = now / recorded.counts[name];
    if (!(ratio <= BOUND)) more.push(name);
    console.log(
      `${name.padEnd(32)} ${now.toFixed(2).padStart(9)} instructions a pixel, ${ratio.toFixed(3)} x`,
    );
  }
  if (rustc !== recorded.rustc) {
    console.log(`not compared: recorded with ${recorded.rustc}, this is ${rustc}`);
  } else if (more.length > 0) {
    console.error(`more than ${BOUND} x the recorded instructions: ${more.join(', ')}`);
    console.error('if that is meant, `node bench/instructions.mjs --write` records it');
    process.exitCode = 1;
  }
}
