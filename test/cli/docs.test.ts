/**
 * docs/command-line.md: its examples are run as they stand there, their output is what follows them; every flag is in its
 * tables. `UPDATE=1` writes the output into the page.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { nifti, npy, scratch, segloss } from './command.js';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'command-line.md');
const { folder, write } = scratch();

/** A cube of label 1 and one of label 2, moved by so many voxels along x. */
function cubes(by: number): Uint8Array {
  return Uint8Array.from({ length: 12 ** 3 }, (_, i) => {
    const [x, y, z] = [(i % 12) - by, Math.floor(i / 12) % 12, Math.floor(i / 144)];
    const within = (from: number, size: number): boolean =>
      [x, y, z].every((n) => n >= from && n < from + size);
    return within(1, 4) ? 1 : within(6, 3) ? 2 : 0;
  });
}

function prepare(): void {
  const affine = [
    [1, 0, 0, -6],
    [0, 1, 0, -6],
    [0, 0, 2, -12],
  ];
  const moved = affine.map((row, axis) => (axis === 0 ? [1, 0, 0, 0] : row));
  const shape = [12, 12, 12];
  write('truth.nii.gz', nifti(shape, cubes(0), { affine }));
  write('pred.nii.gz', nifti(shape, cubes(1), { affine }));
  write('moved.nii.gz', nifti(shape, cubes(0), { affine: moved }));
  ['a', 'b', 'c'].forEach((name, by) => {
    write(`truths/${name}.nii.gz`, nifti(shape, cubes(0), { affine }));
    write(`predictions/${name}.nii.gz`, nifti(shape, cubes(by), { affine }));
  });
  write('truths/d.nii.gz', nifti(shape, cubes(0), { affine }));
  write('names.json', '{"1": "lesion", "2": "cyst"}');
  write('logits.npy', npy([2, 3], [2.5, 0.5, -1, -3, 0, -2], '<f4'));
  write('mask.npy', npy([2, 3], [1, 1, 0, 0, 0, 1]));
  write(
    'loss.json',
    '{"name":"weightedSum","options":{},"terms":[[1,{"name":"diceLoss","options":{}}],[0.5,{"name":"binaryCrossEntropyLoss","options":{}}]]}',
  );
  write(
    'my-loss.mjs',
    `/** Squared error of the probability; the gradient forgets p (1 - p). */
const p = (z) => 1 / (1 + Math.exp(-z));
export default {
  name: 'my loss',
  value: (pred, target) => pred.reduce((sum, z, i) => sum + (p(z) - target[i]) ** 2, 0),
  valueAndGrad(pred, target, { upstream = 1 }) {
    return { value: this.value(pred, target), grad: pred.map((z, i) => upstream * 2 * (p(z) - target[i])) };
  },
};
`,
  );
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const file of files) utimesSync(join(folder, file), 1767225600, 1767225600);
  mkdirSync(join(folder, 'bin'));
  const cli = join(ROOT, 'dist', 'cli.js');
  write('bin/npx', `#!/bin/sh\nshift\nexec "${process.execPath}" "${cli}" "$@"\n`);
  chmodSync(join(folder, 'bin', 'npx'), 0o755);
}

/** What a console shows: stderr and stdout as they come. */
function output(command: string): string {
  const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}` };
  return spawnSync('sh', ['-c', `{ ${command}\n} 2>&1`], { cwd: folder, encoding: 'utf8', env }).stdout;
}

const EXAMPLES = /^```console\n([^]*?)^```$/gm;
const commandsOf = (block: string): string[] =>
  Array.from(block.matchAll(/^\$ (.*)$/gm), ([, command = '']) => command);

test('the examples say what they say here', () => {
  prepare();
  const text = readFileSync(PAGE, 'utf8');
  let run = 0;
  const right = text.replaceAll(EXAMPLES, (whole, block: string) => {
    // Its times are another machine's.
    if (block.includes('segloss bench')) return whole;
    const shown = commandsOf(block).map((command) => {
      run++;
      return `$ ${command}\n${output(command)}`;
    });
    return `\`\`\`console\n${shown.join('')}\`\`\``;
  });
  if (process.env['UPDATE']) writeFileSync(PAGE, right);
  expect(run).toBeGreaterThan(10);
  expect(text).toBe(right);
});

test.each(['eval', 'loss', 'bench', 'check'])('every flag of %s is in the page', async (command) => {
  const { stdout } = await segloss([command, '--help']);
  const flags = Array.from(stdout.matchAll(/^ {2}(--[\w-]+)/gm), ([, flag]) => flag);
  expect(flags.length).toBeGreaterThan(1);
  const text = readFileSync(PAGE, 'utf8');
  expect(flags.filter((flag) => !text.includes(`\`${flag}`))).toEqual([]);
});
