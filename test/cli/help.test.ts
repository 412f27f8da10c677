/** What the command says of itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { segloss } from './command.js';

const ROOT = join(import.meta.dirname, '..', '..');
const COMMANDS = ['', 'eval', 'loss', 'bench', 'check'];

test('--version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(await segloss(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('--help', () => {
  test.each(COMMANDS)('segloss %s', async (command) => {
    const { code, stdout } = await segloss([...(command ? [command] : []), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatchSnapshot();
  });
});

test('without a command: the help, as wrong usage', async () => {
  const { code, stderr } = await segloss([]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^Usage: segloss/)]);
});

test.each(['bash', 'zsh', 'fish', 'powershell'])('completions for %s', async (shell) => {
  const { code, stdout } = await segloss(['complete', shell]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/segloss/)]);
});

test('completions of commands, flags and choices', async () => {
  expect((await segloss(['complete', '--', 'e'])).stdout).toMatch(/^eval\t/m);
  expect((await segloss(['complete', '--', 'eval', '--surf'])).stdout).toMatch(/^--surface\t/m);
  expect((await segloss(['complete', '--', 'eval', '--empty', ''])).stdout).toMatch(/^skip/m);
});

test('each bundled package is listed with its licence', () => {
  const text = readFileSync(join(ROOT, 'dist', 'cli-licenses.txt'), 'utf8');
  for (const name of [
    'commander',
    'nifti-reader-js',
    'fast-png',
    'cli-progress',
    'cli-table3',
    'workerpool',
  ]) {
    expect(text).toMatch(new RegExp(`^${name} [\\d.]+: (MIT|Apache-2\\.0)$`, 'm'));
  }
  expect(text).not.toMatch(/: undefined/);
});
