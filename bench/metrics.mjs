/**
 * The metrics beside scipy and MONAI, in turns: npm run bench:metrics [-- --case REGEX].
 *
 * PYTHON names an interpreter that has both; without it only our own times are printed. Every answer is compared before
 * a time is reported. Data: a real prediction and its truth from ../shared/data, or else balls of their size.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { squaredDistances } from '../dist/geometry.js';
import { confusionMatrix, lesions, surfaceDistances } from '../dist/metrics/index.js';

const { values: options } = parseArgs({ options: { case: { type: 'string', default: '' } } });
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SHAPE = [182, 218, 182];
const VOXELS = SHAPE.reduce((a, b) => a * b);
const data = join(import.meta.dirname, '../../shared/data/ms-lesions/patient19');

function voxels(file, Kind) {
  const bytes = gunzipSync(readFileSync(join(data, file)));
  return new Kind(
    bytes.buffer.slice(bytes.byteOffset + bytes.readFloatLE(108), bytes.byteOffset + bytes.length),
  );
}

let state = 1;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

/** Balls of 2 to 7 voxels' radius, as many as make about half a per cent of the volume. */
function balls() {
  const mask = new Uint8Array(VOXELS);
  for (let ball = 0; ball < 80; ball++) {
    const centre = SHAPE.map((size) => 10 + random() * (size - 20));
    const radius = 2 + 5 * random();
    const [z0, y0, x0] = centre.map((c) => Math.ceil(c - radius));
    for (let z = z0; z < z0 + 2 * radius; z++)
      for (let y = y0; y < y0 + 2 * radius; y++)
        for (let x = x0; x < x0 + 2 * radius; x++) {
          const inside = Math.hypot(z - centre[0], y - centre[1], x - centre[2]) <= radius;
          if (inside) mask[(z * SHAPE[1] + y) * SHAPE[2] + x] = 1;
        }
  }
  return mask;
}

const real = existsSync(data);
const target = real ? voxels('lesion.nii.gz', Uint8Array) : balls();
const pred = real
  ? Uint8Array.from(voxels('baseline-logits.nii.gz', Int16Array), (logit) => (logit >= 0 ? 1 : 0))
  : balls();

/** Labels in runs of 1 to 30, as an atlas has them, and every pixel its own. */
function labelMap(classes, longest) {
  const labels = new Uint8Array(VOXELS);
  for (let i = 0; i < VOXELS;) {
    const label = Math.floor(random() * classes);
    for (let end = Math.min(VOXELS, i + 1 + Math.floor(random() * longest)); i < end; i++) labels[i] = label;
  }
  return labels;
}

/** A process that answers each line `task` with milliseconds and a number. */
function peers() {
  if (process.env.PYTHON === undefined) return undefined;
  const child = spawn(
    process.env.PYTHON,
    [join(import.meta.dirname, 'metrics_peers.py'), ...SHAPE.map(String)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  child.stdin.write(pred);
  child.stdin.write(target);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async ask(task) {
      child.stdin.write(`${task}\n`);
      const { value } = await lines.next();
      return value.split(' ').map(Number);
    },
    end: () => child.stdin.end(),
  };
}

const call = { shape: SHAPE };
const roots = (squared) => squared.reduce((sum, d2) => sum + Math.sqrt(d2), 0);
/** What is timed, what it gives, and the peer's task. */
const tasks = [
  ...[
    [2, 1],
    [2, 30],
    [117, 1],
    [117, 30],
  ].map(([classes, longest]) => {
    const [a, b] = [labelMap(classes, longest), labelMap(classes, longest)];
    const kind = longest === 1 ? 'noise' : 'runs';
    return {
      name: `confusion matrix, u8, ${classes} classes, ${kind}`,
      run: () => confusionMatrix(a, b, { classes }),
      result: (matrix) => matrix.counts(1).tp,
      expected: a.reduce((sum, label, i) => sum + (label === 1 && b[i] === 1 ? 1 : 0), 0),
    };
  }),
  {
    name: 'confusion matrix, u8, real pair',
    run: () => confusionMatrix(pred, target, { classes: 2 }),
    result: (matrix) => matrix.counts(1).tp,
    expected: pred.reduce((sum, label, i) => sum + (label & target[i]), 0),
  },
  {
    name: 'distance transform',
    run: () => squaredDistances(target, 1, { shape: SHAPE, spacing: [1, 1, 1] }),
    result: roots,
    peers: ['scipy_distance_transform'],
  },
  {
    name: 'Hausdorff distance',
    run: () => surfaceDistances(pred, target, call).hausdorff(),
    result: (distance) => distance,
    peers: ['monai_hausdorff', 'scipy_hausdorff'],
  },
  {
    name: 'surface Dice of surfels at 1.5',
    run: () => surfaceDistances(pred, target, { ...call, surface: 'surfels' }).surfaceDice(1.5),
    result: (score) => score,
    peers: ['monai_surface_dice'],
  },
  {
    name: 'lesions, 26 neighbours',
    run: () => lesions(pred, target, call),
    result: ({ hits, misses }) => hits + misses,
    peers: ['scipy_label'],
  },
].filter(({ name }) => new RegExp(options.case).test(name));

const statistics = (times) => {
  const sorted = times.sort((a, b) => a - b);
  return { minimum: sorted[0], median: sorted[sorted.length >> 1] };
};

console.log(
  `${cpus()[0].model}, Node ${process.versions.node}, ${SHAPE.join(' × ')}, ${real ? 'real' : 'made up'} masks`,
);
const python = peers();
for (const { name, run, result, expected, peers: names = [] } of tasks) {
  const asked = python === undefined ? [] : names;
  const times = Object.fromEntries(['segloss', ...asked].map((who) => [who, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const got = run();
    times.segloss.push(performance.now() - start);
    const found = result(got);
    const answers = expected === undefined ? [] : [['by hand', expected]];
    for (const peer of asked) {
      const [milliseconds, answer] = await python.ask(peer);
      times[peer].push(milliseconds);
      answers.push([peer, answer]);
    }
    for (const [who, answer] of answers) {
      // MONAI computes in single precision.
      const tolerance = who.startsWith('monai') ? 1e-6 : 1e-10;
      if (!(Math.abs(found - answer) <= tolerance * Math.abs(answer)))
        throw new Error(`${name}: ${found}, and ${answer} (${who})`);
    }
  }
  for (const [who, list] of Object.entries(times)) {
    const { minimum, median } = statistics(list);
    const each = ((minimum * 1e6) / VOXELS).toFixed(2);
    console.log(
      `${name}: ${who} ${minimum.toFixed(1)} ms (median ${median.toFixed(1)}), ${each} ns per voxel`,
    );
  }
}
python?.end();
