/** `npm run demo`: the article's losses on real lesions, each training the same small network. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { backend } from 'segloss';
import { type Brain, brainOf } from './features.js';
import { contestants } from './losses.js';
import { curves, slices } from './pictures.js';
import { findings, LEGEND, table } from './report.js';
import { type Settings, train } from './training.js';
import { patientsFolder, phantom, readPatients, UserError } from './volume.js';

const HELP = `Trains a small pixel classifier on one patient's FLAIR with each loss of the article and tests it on two others.

usage: npm run demo -- [options]

  --data DIR   folder of patient19/, patient07/ and patient26/, each with flair.nii.gz and lesion.nii.gz (or a folder
               whose ms-lesions/ is that). Default: ../shared/data beside the repository if it is there, else a phantom
  --phantom    use the synthetic phantom in any case
  --out DIR    where pictures, report.txt and results.json go (default demo-out)
  --steps N    training steps for each loss (default 300)
  --seed N     of weights and batches (default 1)
  --help       this text

examples:
  npm run demo
  npm run demo -- --data ~/ms-lesions --out /tmp/demo
  npm run demo -- --phantom --steps 50
`;

interface Options extends Settings {
  readonly data: string | undefined;
  readonly out: string;
}

function wholeNumber(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) {
    throw new UserError(`--${name} expected a whole number from ${least}, got ${text}`);
  }
  return value;
}

/** What the command line says; undefined where it asks for help. */
function optionsOf(args: string[]): Options | undefined {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        data: { type: 'string' },
        phantom: { type: 'boolean', default: false },
        out: { type: 'string', default: 'demo-out' },
        steps: { type: 'string', default: '300' },
        seed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UserError(`${(error as Error).message}\nSee npm run demo -- --help`);
  }
  if (values.help) return undefined;
  const beside = fileURLToPath(new URL('../../../shared/data', import.meta.url));
  const data = values.data ?? (existsSync(join(beside, 'ms-lesions')) ? beside : undefined);
  return {
    data: values.phantom ? undefined : data,
    out: values.out,
    steps: wholeNumber(values.steps, 'steps', 1),
    seed: wholeNumber(values.seed, 'seed', 0),
  };
}

function describe({ name, voxels, lesionVoxels, dims }: Brain): string {
  const percent = (count: number): string => `${((100 * lesionVoxels) / count).toFixed(2)} %`;
  return `${name}: ${lesionVoxels} lesion voxels, ${percent(dims[0] * dims[1] * dims[2])} of the volume, ${percent(voxels.length)} of the brain`;
}

async function run({ data, out, steps, seed }: Options): Promise<void> {
  const started = performance.now();
  mkdirSync(out, { recursive: true });
  const bar = new SingleBar({
    stream: process.stderr,
    format: '{bar} {percentage} % | {what}',
    barsize: 30,
    hideCursor: true,
  });
  const patients = data === undefined ? phantom() : readPatients(patientsFolder(data));
  const brains: Brain[] = [];
  let outcomes;
  const losses = contestants(1);
  bar.start(3 + losses.length, 0, { what: 'reading' });
  try {
    for (const patient of patients) {
      brains.push(brainOf(patient));
      bar.increment({ what: `features of ${patient.name}` });
    }
    const [brain, ...heldOut] = brains as [Brain, ...Brain[]];
    const lesion = brain.lesion.reduce((sum, g) => sum + g, 0);
    outcomes = contestants((brain.lesion.length - lesion) / lesion).map((contestant, i) => {
      let step = 0;
      return train(contestant, brain, heldOut, { steps, seed }, () => {
        bar.update(3 + i + ++step / steps, { what: contestant.title });
      });
    });
  } finally {
    bar.stop();
  }
  const heldOut = brains.slice(1);
  const tinyCount = heldOut.reduce((sum, { tinyCount }) => sum + tinyCount, 0);
  const patient = heldOut.reduce(
    (most, { lesionVoxels }, i) => (lesionVoxels > heldOut[most]!.lesionVoxels ? i : most),
    0,
  );

  const write = (name: string, text: string): string => {
    const path = join(out, name);
    writeFileSync(path, text);
    return path;
  };
  const written = [
    write('curves.svg', await curves(outcomes)),
    write('slices.svg', slices(heldOut[patient]!, patient, outcomes)),
  ];
  const plain = outcomes.map(({ heldOut, ...rest }) => ({
    ...rest,
    heldOut: heldOut.map(({ found, ...scores }) => ({
      ...scores,
      voxelsFound: found.reduce((sum, f) => sum + f, 0),
    })),
  }));
  const said = findings(outcomes, tinyCount);
  written.push(
    write('results.json', JSON.stringify({ steps, seed, findings: said, outcomes: plain }, null, 1)),
  );

  const report = [
    `Trained on ${describe(brains[0]!)}`,
    ...heldOut.map((brain) => `Held out  ${describe(brain)}`),
    `${steps} steps of 8 x 1024 brain voxels, Adam, seed ${seed}, Node ${process.versions.node}, segloss ${backend().simd}`,
    '',
    table(outcomes, tinyCount),
    '',
    LEGEND,
    '',
    ...said.map((sentence) => `- ${sentence}`),
  ].join('\n');
  written.push(write('report.txt', `${report}\n`));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${report}\n\nWritten: ${written.join(', ')}. ${seconds} s in all.`);
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options) await run(options);
  else console.log(HELP);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
