/** The demo as a user runs it, on the phantom and with the mistakes one makes. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phantom } from '../examples/demo/volume.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'segloss-demo-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const demo = (...args: string[]): Promise<Run> =>
  new Promise((resolve) => {
    const all = ['--import', 'tsx', 'examples/demo/run.ts', ...args];
    execFile(process.execPath, all, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });

const TITLES = [
  'log loss',
  'weighted cross-entropy',
  'focal, sum',
  'focal, mean',
  'Dice',
  'IoU',
  'Tversky',
  'focal Tversky',
  'sensitivity-specificity',
  'generalized Dice',
  'Dice + cross-entropy',
];

interface Results {
  readonly findings: string[];
  readonly outcomes: {
    readonly title: string;
    readonly losses: number[];
    readonly lesionShare: number;
    readonly stepMs: number;
    readonly lossMs: number;
    readonly curve: { step: number; patient: string; dice: number }[];
    readonly heldOut: { dice: number; bestDice: number; sensitivity: number; specificity: number }[];
  }[];
}

describe('demo on the phantom', () => {
  let run: Run;
  let results: Results;
  const out = join(folder, 'out');

  beforeAll(async () => {
    run = await demo('--phantom', '--steps', '20', '--out', out);
    if (run.code === 0) results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results;
  }, 120_000);

  it('prints a row for each loss and four findings', () => {
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain(readFileSync(join(out, 'report.txt'), 'utf8'));
    for (const title of TITLES) expect(run.stdout).toContain(`\n| ${title} `);
    expect(run.stdout.match(/^- .*\d.*\.$/gm)).toHaveLength(4);
    expect(results.outcomes.map(({ title }) => title)).toEqual(TITLES);
    expect(results.findings.join()).not.toMatch(/NaN|undefined/);
  });

  it.each(TITLES.map((title, i) => [title, i] as const))('trains with %s: finite and falling', (_, i) => {
    const { losses, curve, heldOut, lesionShare, stepMs, lossMs } = results.outcomes[i]!;
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(losses).toHaveLength(20);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)));
    expect(curve.every(({ dice }) => dice >= 0 && dice <= 1)).toBe(true);
    expect(curve.at(-1)?.step).toBe(20);
    for (const { dice, bestDice, sensitivity, specificity } of heldOut) {
      for (const score of [dice, bestDice, sensitivity, specificity])
        expect(score >= 0 && score <= 1).toBe(true);
      expect(bestDice).toBeGreaterThan(0.01);
    }
    expect(lesionShare > 0 && lesionShare < 1).toBe(true);
    expect(lossMs > 0 && lossMs < stepMs).toBe(true);
  });

  it('shows that a sum is the mean times its 8192 voxels, and trains the same', () => {
    const [sum, mean] = [results.outcomes[2]!, results.outcomes[3]!];
    expect(sum.losses[0]! / mean.losses[0]!).toBeCloseTo(8192, 0);
    expect(sum.lesionShare).toBeCloseTo(mean.lesionShare, 5);
  });

  it('writes a chart that names every loss and a panel of decodable pictures', () => {
    const curves = readFileSync(join(out, 'curves.svg'), 'utf8');
    const slices = readFileSync(join(out, 'slices.svg'), 'utf8');
    for (const title of TITLES) for (const svg of [curves, slices]) expect(svg).toContain(title);
    expect(curves).toContain('lesion Dice');
    const pictures = [...slices.matchAll(/base64,([^"]+)/g)].map(([, data]) =>
      decode(Buffer.from(data!, 'base64')),
    );
    expect(pictures).toHaveLength(TITLES.length + 2);
    // Truth has yellow where the plain picture is grey.
    const coloured = pictures.map(({ data }) => {
      let count = 0;
      for (let i = 0; i < data.length; i += 3) if (data[i] !== data[i + 2]) count++;
      return count;
    });
    expect(coloured[0]).toBe(0);
    expect(coloured[1]).toBeGreaterThan(20);
  });
});

const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

describe('the phantom', () => {
  it('is the same every time and has the imbalance of the real thing', () => {
    const [first, second] = [[...phantom()], [...phantom()]];
    expect(first).toHaveLength(3);
    first.forEach(({ flair, lesion }, i) => {
      // `toEqual` takes seconds of so many.
      expect(Buffer.compare(bytes(flair), bytes(second[i]!.flair))).toBe(0);
      const share = lesion.reduce((sum, g) => sum + g, 0) / lesion.length;
      expect(share).toBeGreaterThan(0.001);
      expect(share).toBeLessThan(0.002);
    });
  });
});

describe('mistakes', () => {
  it('--help tells every option and gives examples', async () => {
    const { code, stdout } = await demo('--help');
    expect(code).toBe(0);
    for (const word of ['--data', '--phantom', '--out', '--steps', '--seed', 'examples:'])
      expect(stdout).toContain(word);
  });

  it('names a folder that is not there, one without patients, and a file that is none', async () => {
    const missing = await demo('--data', join(folder, 'nowhere'));
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toMatch(/nowhere: no such folder\n$/);

    const empty = await demo('--data', folder);
    expect(empty.stderr).toMatch(/holds patient19\/\n$/);

    mkdirSync(join(folder, 'bad', 'patient19'), { recursive: true });
    const flair = join(folder, 'bad', 'patient19', 'flair.nii.gz');
    for (const content of [Buffer.from('no gzip'), gzipSync('no NIfTI')]) {
      writeFileSync(flair, content);
      const corrupt = await demo('--data', join(folder, 'bad'), '--out', join(folder, 'unused'));
      expect(corrupt.code).toBe(1);
      expect(corrupt.stderr).toContain(`${flair} is not a NIfTI volume that can be read`);
      expect(corrupt.stderr).not.toContain('    at ');
    }
  });

  it('refuses unknown options and steps that are no number', async () => {
    const unknown = await demo('--stepz', '3');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain("'--stepz'");
    const steps = await demo('--steps', 'many');
    expect(steps).toMatchObject({ code: 1 });
    expect(steps.stderr).toContain('--steps expected a whole number from 1, got many');
  });
});
