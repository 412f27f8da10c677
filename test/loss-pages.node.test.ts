/** The committed pages of the losses are what docstrings, fixtures and losses make. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lossPages } from '../scripts/loss-pages/pages.js';
import { ROOT } from './examples-of-docstrings.js';

const files = await lossPages();
const hint = 'run npm run docs:losses, and commit docs/losses/';

test('docs/losses holds just the pages there are', () => {
  expect(readdirSync(`${ROOT}docs/losses`).sort(), hint).toEqual([...files.keys()].sort());
});

test.each([...files])('docs/losses/%s is as made', (name, text) => {
  expect(
    readFileSync(`${ROOT}docs/losses/${name}`, 'utf8') === text,
    `docs/losses/${name} differs: ${hint}`,
  ).toBe(true);
});
