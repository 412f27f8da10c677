/** The pages: every link leads somewhere, every export and command is named and exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOORS, EXPORTS, ROOT } from './examples-of-docstrings.js';

const generated = (path: string): boolean => path.startsWith('api/');
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !generated(path))
    .map((path) => `docs/${path}`),
];
const read = (path: string): string => readFileSync(ROOT + path, 'utf8');
const prose = (text: string): string => text.replaceAll(/```[^]*?```/g, '');

/** The anchor GitHub gives a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

test('the pages a reader expects are there', () => {
  expect(PAGES).toEqual(
    expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'DECISIONS.md', 'CHANGELOG.md']),
  );
});

describe.each(PAGES)('%s', (page) => {
  const text = prose(read(page));

  test('links to files and headings that exist', () => {
    const broken = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [path = '', heading] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(ROOT + file)) return true;
        if (heading === undefined) return false;
        const headings = Array.from(read(file).matchAll(/^#+ (.+)$/gm), ([, title = '']) => anchor(title));
        return !headings.includes(heading);
      });
    expect(broken).toEqual([]);
  });

  test('names files of the repository that exist', () => {
    // `test/NAME.test.ts` and `ts/loss/x.ts` stand for any.
    const paths = Array.from(
      text.matchAll(/(?<![\w./])(?:bench|crate|docs|geometry|examples|scripts|test|ts|\.ci)\/[\w./-]*\.\w+/g),
      ([path]) => path,
    );
    const any = /NAME|\/x(_loss)?\.|target\//;
    expect(paths.filter((path) => !any.test(path) && !existsSync(ROOT + path))).toEqual([]);
  });

  test('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = Array.from(read(page).matchAll(/npm run (?:--\S+ )?([\w:]+)/g), ([, name = '']) => name);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test.each(EXPORTS.map(({ door, name }) => [`${door}: ${name}`, name] as const))('%s is named', (_, name) => {
  const text = ['README.md', 'docs/api-overview.md'].map(read).join('\n');
  expect(text).toMatch(new RegExp(`\\b${name}\\b`));
});

test('the changelog names every function of the package', () => {
  const functions = EXPORTS.filter(
    ({ door, kind }) => door !== 'segloss/compat/article' && ['loss', 'function'].includes(kind),
  );
  const text = read('CHANGELOG.md');
  expect(functions.map(({ name }) => name).filter((name) => !text.includes(name))).toEqual([]);
});

test('every decision is dated and says reason and what would change it', () => {
  const entries = read('DECISIONS.md').split(/^## /m).slice(1);
  expect(entries.length).toBeGreaterThan(10);
  for (const entry of entries) {
    const [title = ''] = entry.split('\n');
    expect(title).toMatch(/^\d{4}-\d\d-\d\d \S/);
    for (const part of ['Choice', 'Reason', 'Would change it'])
      expect(entry, title).toContain(`\n- ${part}: `);
  }
});

test('the API documentation covers every door', () => {
  const { entryPoints } = JSON.parse(read('typedoc.json')) as { entryPoints: string[] };
  expect(entryPoints.map((path) => ROOT + path).sort()).toEqual(Object.values(DOORS).sort());
});

test('the page on choosing repeats the numbers of the demo', () => {
  const report = read('docs/demo/report.txt');
  const [, low, high, lowest, highest] =
    /losses lie at (\S+) to (\S+), each at its best threshold at (\S+) to (\S+)\.\n/.exec(report) ?? [];
  const [, tiny, logLoss, dice] =
    /of (\d+) tiny lesions log loss touched (\d+) and Dice (\d+)/.exec(report) ?? [];
  const shares = Array.from(report.matchAll(/ ([\d.]+) % \|/g), ([, share]) => Number(share));
  const page = read('docs/which-loss-when.md').replaceAll(/\s+/g, ' ');
  expect(page).toContain(`(mean lesion Dice ${low} to ${high})`);
  expect(page).toContain(`(${lowest} to ${highest};`);
  expect(page).toContain(`log loss touched ${logLoss} of ${tiny} tiny lesions, Dice ${dice}.`);
  expect(page).toContain(`from ${Math.min(...shares)} % (focal) to ${Math.max(...shares)} % (weighted`);
});

test('pictures of the patients stand beside their citation', () => {
  expect(read('docs/demo/README.md')).toMatch(/Lesjak[^]*10\.1007\/s12021-017-9348-7/);
});
