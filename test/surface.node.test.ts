/** Every public name is documented, its example runs, and a loss is everywhere a loss must be. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lossFromJSON } from '../ts/index.js';
import type { Loss, LossConfig } from '../ts/index.js';
import { ELSEWHERE, falseDiscoveryLoss, LOSSES } from './contract-cases.js';
import {
  agrees,
  DOORS,
  type Export,
  exampleErrors,
  EXPORTS,
  fixtureOf,
  HEADINGS,
  isMade,
  ROOT,
  runExample,
  under,
} from './examples-of-docstrings.js';
import { TABLE } from './twin/table.js';

/** A peer's loss is a setting of one of ours, which says these. */
const OWN_HEADINGS: (typeof HEADINGS)[number][] = ['Gradient', 'Empty', 'Weights'];

const doors: Record<string, Readonly<Record<string, unknown>>> = {};
for (const [door, file] of Object.entries(DOORS)) {
  doors[door] = (await import(/* @vite-ignore */ file)) as Readonly<Record<string, unknown>>;
}

const title = ({ door, name }: Export): string => `${door}: ${name}`;
const named = (list: readonly Export[]): (readonly [string, Export])[] =>
  list.map((one) => [title(one), one] as const);
const losses = EXPORTS.filter(({ kind }) => kind === 'loss');

/** The files of a folder and its folders, from the root; none if there is no such folder. */
function filesOf(folder: string, ending: string): string[] {
  if (!existsSync(ROOT + folder)) return [];
  const all = readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' });
  return all.filter((path) => path.endsWith(ending)).map((path) => `${folder}/${path}`);
}

test('the doors export something, and at run time just what the types say', () => {
  for (const [door, module] of Object.entries(doors)) {
    const typed = EXPORTS.filter((one) => one.door === door && one.kind !== 'type').map(({ name }) => name);
    expect(typed.length, door).toBeGreaterThan(0);
    expect(Object.keys(module).sort(), door).toEqual(typed.sort());
  }
});

describe('docstrings', () => {
  test.each(named(EXPORTS))('%s says what it is', (_, { text }) => {
    expect(text.trim().length).toBeGreaterThan(10);
  });

  test.each(named(losses))('%s has every heading', (_, { door, text, example }) => {
    const peers = door.startsWith('segloss/compat/');
    for (const heading of HEADINGS.filter((one) => !(peers && OWN_HEADINGS.includes(one)))) {
      expect(under(text, heading)?.trim().length ?? 0, heading).toBeGreaterThan(3);
    }
    expect(under(text, 'Range')).toMatch(/\bnats\b|\bunits?\b/);
    expect(under(text, 'Source')).toMatch(/\d{4}|the article/);
    expect(example).toBeDefined();
  });

  const makers = EXPORTS.filter((one) => isMade(one) && !losses.includes(one));
  test.each(named(makers))('%s says what becomes of gradient, empty classes and weights', (_, { text }) => {
    for (const heading of OWN_HEADINGS) {
      expect(under(text, heading)?.trim().length ?? 0, heading).toBeGreaterThan(3);
    }
  });

  test.each(named(EXPORTS.filter(({ kind }) => kind === 'function')))(
    '%s says what it throws',
    (_, { text }) => {
      expect(under(text, 'Errors')?.trim().length ?? 0).toBeGreaterThan(3);
    },
  );

  test.each(named(EXPORTS.filter(({ kind }) => kind !== 'type')))(
    '%s shows how it is used',
    (_, { example }) => {
      expect(example).toBeDefined();
    },
  );

  test.each(named(EXPORTS))('%s names tests that exist', (_, { text }) => {
    for (const [path] of text.matchAll(/test\/[\w.-]+\.ts/g))
      expect(existsSync(ROOT + path), path).toBe(true);
  });
});

describe('examples', () => {
  const examples = EXPORTS.filter(({ example }) => example !== undefined);

  test('compile under the strictest settings', () => {
    const codes = examples.map((one) => [title(one).replaceAll(/\W+/g, '-'), one.example ?? ''] as const);
    expect(exampleErrors(new Map(codes))).toEqual([]);
  });

  test.each(named(examples))('%s shows what it gives', async (_, { example = '' }) => {
    const shown = await runExample(example, doors);
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.length, 'each // => follows an expression').toBe(example.split('// =>').length - 1);
    for (const { code, found, printed } of shown) {
      const plain: unknown = typeof found === 'object' ? JSON.parse(JSON.stringify(found)) : found;
      expect(
        agrees(plain, JSON.parse(printed)),
        `${code} gives ${JSON.stringify(plain)}, not ${printed}`,
      ).toBe(true);
    }
  });
});

describe('a loss is everywhere', () => {
  interface Fixture {
    readonly loss: string;
    readonly cases: readonly [
      { readonly options: LossConfig['options']; readonly terms?: LossConfig['terms'] },
    ];
  }
  interface Oracle {
    readonly cases: readonly (Fixture['cases'][0] & {
      readonly function: string;
      readonly deviation?: string;
    })[];
  }
  /** The fixture of a loss; a peer's losses share a file. */
  const read = (loss: Export): Fixture => {
    const shared = `${ROOT}test/oracle-compat/${basename(loss.door)}.json`;
    if (!existsSync(shared)) return JSON.parse(readFileSync(fixtureOf(loss), 'utf8')) as Fixture;
    const { cases } = JSON.parse(readFileSync(shared, 'utf8')) as Oracle;
    const own = cases.filter(
      (one) => one.function === loss.name && !one.deviation,
    ) as unknown as Fixture['cases'];
    return { loss: loss.name, cases: own };
  };

  test.each(named(losses))('%s has a fixture', (_, loss) => {
    const { loss: name, cases } = read(loss);
    expect(name).toBe(loss.name);
    expect(cases.length).toBeGreaterThan(0);
  });

  test('every fixture is of a loss', () => {
    const found = filesOf('test/oracle', '.json').map((path) => ROOT + path);
    expect(found.filter((path) => !losses.map(fixtureOf).includes(path))).toEqual([]);
  });

  test.each(named(losses))('%s is what lossFromJSON makes of its JSON', (_, one) => {
    const { options, terms } = read(one).cases[0];
    const own = doors[one.door]?.[one.name] as (options?: object) => Loss;
    const loss = terms ? lossFromJSON({ name: one.name, options, terms }) : own(options);
    const config = JSON.parse(JSON.stringify(loss.toJSON())) as LossConfig;
    // A loss of a sub-path that is no setting of a loss of the package keeps its own name, and is to be given; so are the
    // geometric ones, which a peer's may be made of.
    const known = doors.segloss !== undefined && config.name in doors.segloss;
    const geometric = doors['segloss/geometric'] as Readonly<Record<string, (options?: object) => Loss>>;
    const back = lossFromJSON(config, { losses: { ...geometric, ...(!known && { [one.name]: own }) } });
    expect(back.toJSON()).toEqual(loss.toJSON());
    if (one.door === 'segloss') expect(back.name).toBe(one.name);
  });

  const pixel = losses.filter(({ file }) => /\bpixelLoss\(/.test(readFileSync(file, 'utf8')));
  test.each(named(pixel))('%s has a kernel of its name', (_, { file }) => {
    const rust = `${ROOT}crate/src/pixel/${basename(file, '.ts').replaceAll('-', '_')}.rs`;
    expect(existsSync(rust), rust).toBe(true);
  });

  /** Those that are no combination of others, and no formula of the caller's. */
  const own = losses
    .filter(({ door }) => !door.startsWith('segloss/compat/'))
    .filter(({ name }) => name !== 'regionLoss' && name !== 'weightedSum')
    .map(({ name }) => name);

  test('the twin computes every loss, with the values of its options', () => {
    expect(Object.keys(TABLE).sort()).toEqual([...own].sort());
  });

  test('the contract is tested on every loss, or it is said why not', () => {
    const named = LOSSES.map(({ name }) => name).filter((name) => name !== falseDiscoveryLoss().name);
    expect([...named, ...Object.keys(ELSEWHERE)].sort()).toEqual([...own].sort());
  });

  // A loss's own page is made, and says nothing of where a reader finds it.
  const pages = ['README.md', ...filesOf('docs', '.md')].filter(
    (path) => existsSync(ROOT + path) && !path.startsWith('docs/losses/'),
  );
  const written = pages.map((path) => readFileSync(ROOT + path, 'utf8')).join('\n');
  test.each(named(losses))('%s is in the documentation', (_, { name }) => {
    expect(written).toContain(name);
  });
});
