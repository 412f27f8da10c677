/** The pages of `docs/losses/`, made of docstrings, of the fixtures and of the losses themselves. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  DOORS,
  type Export,
  EXPORTS,
  fixtureOf,
  HEADINGS,
  isMade,
  ROOT,
  under,
} from '../../test/examples-of-docstrings.js';
import type { Loss, LossConfig } from '../../ts/index.js';
import { CAPTION, figureOf } from './figure.js';

const TITLES: Readonly<Record<string, string>> = {
  Empty: 'Empty classes and images',
  Weights: 'Ignored, masked, weighted',
};

const isCompat = ({ door }: Export): boolean => door.startsWith('segloss/compat/');
/** Those of a compat door share a page. */
const made = EXPORTS.filter(isMade);
const own = made.filter((one) => !isCompat(one));
const compatDoors = [...new Set(made.filter(isCompat).map(({ door }) => door))];

const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
const code = (text: string): string => `\`${text}\``;
const table = (rows: readonly (readonly string[])[]): string => {
  const [head = [], ...rest] = rows.map((row) => row.map(escaped));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rest.map(line)].join('\n');
};

/** The names of other losses lead to their pages. */
function linked(text: string, page: string): string {
  return text.replaceAll(/`(\w+)`/g, (whole, name: string) =>
    name !== page && own.some((one) => one.name === name) ? `[${whole}](${name}.md)` : whole,
  );
}

const summary = ({ text }: Export): string => (text.split('\n\n')[0] ?? '').replaceAll('\n', ' ');

function optionsTable({ options }: Export): string {
  const rows = options.map(({ name, type, text }) => [code(name), code(type), text]);
  return table([['option', 'values', 'meaning'], ...rows]);
}

interface Fixture {
  readonly peers: Readonly<Record<string, string>>;
  readonly tolerance: { readonly value: number; readonly gradient: number };
  readonly cases: readonly {
    readonly source: string;
    readonly options: LossConfig['options'];
    readonly terms?: LossConfig['terms'];
    readonly call: Readonly<Record<string, unknown>> & { readonly shape: readonly number[] };
  }[];
}

/** How the fixtures name what they call, and the peer's own name. */
const PEERS: Readonly<Record<string, string>> = {
  F: 'torch',
  keras: 'keras',
  monai: 'monai',
  sigmoid_focal_loss: 'monai',
  softmax_focal_loss: 'monai',
  smp: 'segmentation_models_pytorch',
  smp_focal: 'segmentation_models_pytorch',
  lovasz_softmax: 'segmentation_models_pytorch',
  torchvision: 'torchvision',
};

/** Whose functions a source calls; none where it writes the formula out. */
function peersIn(source: string): string[] {
  if (/\bsums\(/.test(source)) return [];
  const called = Object.entries(PEERS).filter(([name]) => new RegExp(`(?<![\\w.])${name}[.(]`).test(source));
  return [...new Set(called.map(([, peer]) => peer))].sort();
}

/** A JavaScript literal of JSON. */
const literal = (value: unknown): string =>
  JSON.stringify(value)
    .replaceAll(/"(\w+)":/g, '$1: ')
    .replaceAll(/,(?=\S)/g, ', ')
    .replaceAll('"', "'")
    .replaceAll(/\{(?=\w)/g, '{ ')
    .replaceAll(/(?<=[^{])\}/g, ' }');

function written({ name, options, terms }: LossConfig): string {
  const given = Object.keys(options).length === 0 ? '' : literal(options);
  if (terms === undefined) return `${name}(${given})`;
  return `${name}([${terms.map(([weight, term]) => `[${weight}, ${written(term)}]`).join(', ')}])`;
}

/** What the fixtures hold against a peer's own function; formulas written out for the fixture are not listed. */
function peersOf(one: Export): string[] {
  if (!existsSync(fixtureOf(one))) return [];
  const { peers, tolerance, cases } = JSON.parse(readFileSync(fixtureOf(one), 'utf8')) as Fixture;
  const rows = cases.flatMap(({ source, options, terms, call }) => {
    const called = peersIn(source);
    if (called.length === 0) return [];
    const more = Object.keys(call).filter((name) => name !== 'shape');
    const loss = written({ name: one.name, options, ...(terms && { terms }) });
    return [
      [called.join(', '), code(source), code(loss), code(call.shape.join(' × ')), more.map(code).join(', ')],
    ];
  });
  const key = ([, source, loss]: readonly string[]): string => `${source} ${loss}`;
  const distinct = rows.filter((row, i) => rows.findIndex((other) => key(other) === key(row)) === i);
  const file = code(fixtureOf(one).slice(ROOT.length));
  const heading = '## In other libraries';
  if (distinct.length === 0) {
    return [
      heading,
      `${file} holds the formula written out in f64, and no call of a library's own function.`,
    ];
  }
  const named = [...new Set(distinct.flatMap(([called = '']) => called.split(', ')))].sort();
  const versions = named.map((peer) => `${peer} ${peers[peer] ?? ''}`).join(', ');
  return [
    heading,
    `Each row is a case of ${file}, in which value and gradient of both are equal ` +
      `(value within ${tolerance.value.toExponential()} relative, gradient within ${tolerance.gradient.toExponential()} of its largest entry; ${versions}). ` +
      'In the calls z is the prediction, y a label map, g a dense target, m 0 where ignored, w pixel and v sample weights; ' +
      '`scripts/fixtures/fixture.py` has them in full.',
    table([['library', 'its call', 'the same here', 'prediction', 'call has'], ...distinct]),
  ];
}

/** Words begin a section as a sentence; symbols keep their case. */
const capital = (text: string): string =>
  text.replace(/^(?:a(?= )|[a-z][a-z']+\b)/, (word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);

/** The sections of a docstring, under headings of some depth. */
function sections(one: Export, depth: string): string[] {
  return HEADINGS.flatMap((heading) => {
    const text = under(one.text, heading);
    return text === undefined
      ? []
      : [`${depth} ${TITLES[heading] ?? heading}`, linked(capital(text.trim()), one.name)];
  });
}

const example = ({ example: shown }: Export): string[] =>
  shown === undefined ? [] : ['```ts\n' + shown.trim() + '\n```'];

const GENERATED = '<!-- Made by `npm run docs:losses` of the docstrings and the fixtures: edit those. -->';

function pageOf(one: Export, figure: string | undefined): string {
  const parts = [
    GENERATED,
    `# ${one.name}`,
    linked(summary(one), one.name),
    ...example(one),
    ...(figure === undefined ? [] : [`![Loss and gradient of ${one.name}](${figure})`, CAPTION]),
    ...sections(one, '##'),
    ...(one.options.length === 0 ? [] : ['## Options', optionsTable(one)]),
    ...peersOf(one),
    '---',
    `${code(one.file.slice(ROOT.length))} · [All losses](README.md) · [Which loss when](../which-loss-when.md) · ` +
      '[What a mean divides by](../what-a-mean-divides-by.md)',
  ];
  return `${parts.join('\n\n')}\n`;
}

function compatPage(door: string): string {
  const functions = made.filter((one) => one.door === door);
  const parts = functions.flatMap((one) => [
    `## ${one.name}`,
    summary(one),
    ...example(one),
    ...sections(one, '###'),
    ...(one.options.length === 0 ? [] : ['### Options', optionsTable(one)]),
  ]);
  return `${[GENERATED, `# ${door}`, ...parts, '---', '[All losses](README.md)'].join('\n\n')}\n`;
}

const compatFile = (door: string): string => `compat-${basename(door)}.md`;

function indexPage(): string {
  const losses = own.filter(({ kind }) => kind === 'loss');
  const others = own.filter(({ kind }) => kind !== 'loss');
  const rows = (list: readonly Export[]): string =>
    table([
      ['name', 'what', 'from'],
      ...list.map((one) => [`[${one.name}](${one.name}.md)`, linked(summary(one), ''), code(one.door)]),
    ]);
  const parts = [
    GENERATED,
    '# The losses, one page each',
    'Formula, gradient, range, what empty classes, ignored pixels and weights do, options, which call of another library ' +
      'gives the same number, and the paper. [Which loss when](../which-loss-when.md) has the evidence for choosing.',
    rows(losses),
    '## What makes losses of losses',
    rows(others),
    '## Under the names of other libraries',
    compatDoors.map((door) => `- [${door}](${compatFile(door)})`).join('\n'),
    '## Reading a page',
    'z is a logit, p a probability, g the target, w the weight of a pixel (of mask, ignored label, pixel and, where they ' +
      'multiply pixels, sample weights), i a pixel, k a class, C the number of channels. Of a (sample, class): TP = Σ w p g, ' +
      'P = Σ w p, G = Σ w g, N = Σ w, FP = P − TP, FN = G − TP, TN = N − P − FN, P2 = Σ w p², G2 = Σ w g². ' +
      's_n and s_d are `smooth` of numerator and denominator.',
    'A gradient "by p" is followed by the chain of the activation, ∂L/∂z = p(1 − p)·∂L/∂p for sigmoid and ' +
      "∂L/∂z_k = p_k(∂L/∂p_k − Σ_j p_j ∂L/∂p_j) for softmax; with `activation: 'none'` it is the gradient itself. It is that " +
      'of one pixel of a pixel loss before the mean, or of one (sample, class) of a region loss: the mean multiplies it by ' +
      'what [it divides by](../what-a-mean-divides-by.md). `upstream` multiplies it once more.',
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Every file of `docs/losses/` by its name. */
export async function lossPages(): Promise<Map<string, string>> {
  const files = new Map([['README.md', indexPage()]]);
  for (const door of compatDoors) files.set(compatFile(door), compatPage(door));
  for (const one of own) {
    const module = (await import(DOORS[one.door] ?? '')) as Record<string, () => Loss>;
    const svg = one.kind === 'loss' ? await figureOf(() => (module[one.name] as () => Loss)()) : undefined;
    if (svg !== undefined) files.set(`${one.name}.svg`, svg);
    files.set(`${one.name}.md`, pageOf(one, svg && `${one.name}.svg`));
  }
  return files;
}
