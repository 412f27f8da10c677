/** The flags of `segloss eval`, its outputs and its exit codes. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nifti, npy, scratch, segloss } from './command.js';

const { folder, write } = scratch();

/** Makes stdout what it is behind `| head` once that has gone. */
const CLOSED = `data:text/javascript,process.stdout._write=(chunk,encoding,done)=>done(Object.assign(new Error('write EPIPE'),{code:'EPIPE'}))`;

const TRUTH = write('truth.npy', npy([4, 4], [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 0, 0, 2, 255, 255, 0]));
const PRED = write('pred.npy', npy([4, 4], [0, 1, 1, 1, 0, 0, 1, 0, 2, 2, 0, 0, 0, 1, 2, 0]));

describe('one pair', () => {
  test('a table, label by label', async () => {
    const { code, stdout, stderr } = await segloss(['eval', PRED, TRUTH, '--ignore', '255']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatchSnapshot();
  });

  test('JSON: counts by hand, the ignored voxels nowhere', async () => {
    const { json } = await segloss(['eval', PRED, TRUTH, '--ignore', '255', '--json', '--background']);
    const { labels, voxels, shape } = json()[0]!;
    expect({ voxels, shape }).toEqual({ voxels: 16, shape: [4, 4] });
    expect(labels).toMatchObject([
      { label: 0, tp: 6, fp: 2, fn: 1, tn: 5 },
      { label: 1, tp: 3, fp: 1, fn: 1, tn: 9, dice: 0.75, jaccard: 0.6, sensitivity: 0.75, precision: 0.75 },
      { label: 2, tp: 2, fp: 0, fn: 1, tn: 11, dice: 0.8 },
    ]);
    const all = (await segloss(['eval', PRED, TRUTH, '--json'])).json()[0]!;
    expect(all.labels.map(({ label }) => label)).toEqual([1, 2, 255]);
    expect(all.labels[2]).toMatchObject({ tp: 0, fn: 2, dice: 0 });
  });

  test.each([
    ['{"1": "lesion", "2": "cyst"}'],
    ['["background", "lesion", "cyst"]'],
    ['{"labels": {"background": 0, "lesion": 1, "cyst": 2}, "name": "nnU-Net"}'],
  ])('names: %s', async (text) => {
    const args = ['eval', PRED, TRUTH, '--ignore', '255', '--labels', write('names.json', text)];
    expect((await segloss([...args, '--json'])).json()[0]!.labels.map(({ name }) => name)).toEqual([
      'lesion',
      'cyst',
    ]);
    expect((await segloss(args)).stdout).toMatch(/│ 1 +│ lesion │/);
  });

  test('CSV: a line a label, quoted where it must be', async () => {
    const labels = write('names.json', '{"1": "white, \\"bright\\""}');
    const { stdout } = await segloss(['eval', PRED, TRUTH, '--ignore', '255', '--csv', '--labels', labels]);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe(
      'case,label,name,tp,fp,fn,tn,dice,jaccard,sensitivity,specificity,precision,volumeSimilarity,pred,truth,error',
    );
    expect(lines[1]).toMatch(/^pred,1,"white, ""bright""",3,1,1,9,0\.75,0\.6,0\.75,0\.9,0\.75,1,/);
    expect(lines).toHaveLength(3);
  });

  test('--foreground: all that is not 0, on both sides', async () => {
    const { json } = await segloss(['eval', PRED, TRUTH, '--ignore', '255', '--foreground', '--json']);
    expect(json()[0]!.labels).toMatchObject([{ label: 1, tp: 5, fp: 1, fn: 2, tn: 6 }]);
  });

  test('masks of 0 and 255 against 0 and 1: said, and how to compare them', async () => {
    const [bright, plain] = [
      write('bright.npy', npy([4], [0, 255, 255, 0])),
      write('plain.npy', npy([4], [0, 1, 1, 0])),
    ];
    const { stderr } = await segloss(['eval', bright, plain]);
    expect(stderr).toMatch(/the prediction holds the labels 255, the truth 1: they share none; --foreground/);
    const { json } = await segloss(['eval', bright, plain, '--foreground', '--json']);
    expect(json()[0]!.mean.dice).toBe(1);
  });

  test('--threshold: the value itself is marked; NaN is refused', async () => {
    const logits = write('logits.npy', npy([4], [-1, 0, 0.5, -0.001], '<f4'));
    const truth = write('mask.npy', npy([4], [0, 1, 1, 0]));
    expect((await segloss(['eval', logits, truth, '--threshold', '0', '--json'])).json()[0]!.mean.dice).toBe(
      1,
    );
    const { code, stderr } = await segloss(['eval', logits, truth]);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/holds 0\.5 at index \(2\).*--threshold 0\.5/)]);
    const broken = write('nan.npy', npy([4], [NaN, 0, 0, 0], '<f4'));
    expect((await segloss(['eval', broken, truth, '--threshold', '0'])).stderr).toMatch(
      /holds NaN at index \(0\)/,
    );
  });

  test('--surface and --lesions, ignored voxels as background', async () => {
    const row = (values: number[]): Buffer => nifti([8, 1, 1], values, { kind: 'i2' });
    const truth = write('line.nii', row([1, 0, 1, 1, 0, 0, 255, 255]));
    const pred = write('line-pred.nii', row([0, 0, 1, 1, 0, 1, 1, 0]));
    const args = ['eval', pred, truth, '--ignore', '255', '--surface', '--lesions', '--json'];
    expect((await segloss(args)).json()[0]!.labels).toMatchObject([
      {
        hausdorff: 2,
        surfaceDice: 4 / 6,
        lesionHits: 1,
        lesionMisses: 1,
        lesionFalseAlarms: 1,
        lesionF1: 0.5,
      },
    ]);
    const { stdout } = await segloss(args.slice(0, -1));
    expect(stdout).toMatchSnapshot();
  });

  test('what is undefined is null, an endless distance "Infinity"', async () => {
    const [none, some] = [
      write('none.nii', nifti([2, 2, 1], [0, 0, 0, 0])),
      write('some.nii', nifti([2, 2, 1], [0, 1, 0, 0])),
    ];
    const empty = await segloss(['eval', none, none, '--json']);
    expect([empty.code, empty.json()[0]!.mean.dice, empty.json()[0]!.labels]).toEqual([0, null, []]);
    const missed = (await segloss(['eval', none, some, '--surface', '--json'])).json()[0]!;
    expect(missed.labels[0]).toMatchObject({ dice: 0, precision: null, hausdorff: 'Infinity' });
    const skipped = (await segloss(['eval', some, none, '--empty', 'skip', '--json'])).json()[0]!;
    expect(skipped.mean.dice).toBeNull();
  });

  test('--min-dice: exit 1 below, 0 at it', async () => {
    const args = ['eval', PRED, TRUTH, '--ignore', '255', '--min-dice'];
    expect((await segloss([...args, '0.77'])).code).toBe(0);
    const { code, stderr } = await segloss([...args, '0.78']);
    expect([code, stderr]).toEqual([
      1,
      'pred: the mean Dice of its labels is 0.7750, below --min-dice 0.78.\n',
    ]);
  });
});

describe('folders', () => {
  for (let i = 0; i < 5; i++) {
    const truth = Uint8Array.from({ length: 64 }, (_, j) => ((j + i) % 7 < 3 ? 1 + (j % 2) : 0));
    write(`truths/sub/case${i}.nii.gz`, nifti([4, 4, 4], truth));
    write(
      `preds/sub/case${i}.nii`,
      nifti(
        [4, 4, 4],
        truth.map((label, j) => (j % (5 + i) === 0 ? 0 : label)),
      ),
    );
  }
  write('truths/alone.nii', nifti([1], [1]));
  write('preds/extra.npy', npy([1], [1]));
  write('preds/notes.txt', 'not a volume');
  write('preds/._sub.nii', 'of another operating system');
  const PREDS = join(folder, 'preds');
  const TRUTHS = join(folder, 'truths');
  const args = ['eval', PREDS, TRUTHS];

  test('match by name; what has no partner is listed', async () => {
    const { code, stdout, stderr } = await segloss(args);
    expect(code).toBe(0);
    expect(stdout).toMatchSnapshot();
    expect(stderr).toBe('1 without a truth, left out: extra\n1 without a prediction, left out: alone\n');
  });

  test('any number of workers gives the same bytes', async () => {
    const [one, three] = [
      await segloss([...args, '--json', '--jobs', '1']),
      await segloss([...args, '--json', '--jobs', '3']),
    ];
    expect(three.stdout).toBe(one.stdout);
    expect(one.json().map((line) => line.case ?? 'summary')).toEqual([
      ...[0, 1, 2, 3, 4].map((i) => `sub/case${i}`),
      'summary',
    ]);
    expect(one.json().at(-1)!.summary).toMatchObject({
      cases: 5,
      failed: 0,
      onlyPred: ['extra'],
      onlyTruth: ['alone'],
    });
  });

  test('a corrupt file fails its case only', async () => {
    write('some/a.nii', nifti([2], [1, 0]));
    write('some/b.nii', 'corrupt');
    write('some/c.nii', nifti([2], [0, 1]));
    const some = join(folder, 'some');
    for (const jobs of ['1', '2']) {
      const { code, stderr, json } = await segloss([
        'eval',
        some,
        some,
        '--json',
        '--jobs',
        jobs,
        '--min-dice',
        '0.5',
      ]);
      expect(code).toBe(3);
      expect(stderr).toMatch(/^b failed\. .*b\.nii cannot be read: expected a NIfTI header/);
      expect(json().map(({ mean, error }) => mean?.dice ?? typeof error)).toEqual([
        1,
        'string',
        1,
        'undefined',
      ]);
    }
    const table = (await segloss(['eval', some, some])).stdout;
    expect(table).toMatch(/│ b +│ failed │/);
    const csv = (await segloss(['eval', some, some, '--csv'])).stdout;
    expect(csv).toMatch(/\nb,,,.*cannot be read: expected a NIfTI header/);
  });

  test('--resume does what is left, and what failed or changed again', async () => {
    const file = join(folder, 'results.jsonl');
    const whole = await segloss([...args, '--json']);
    await segloss([...args, '--resume', file, '--jobs', '1']);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(5);
    // A run that was killed while it wrote its third line; the second line tells that it was not computed again.
    const marked = lines[1]!.replace('"voxels":64', '"voxels":6400');
    writeFileSync(file, `${lines[0]!}\n${marked}\n${lines[2]!.slice(0, 50)}`);
    const resumed = await segloss([...args, '--resume', file, '--json', '--jobs', '2']);
    expect(resumed.json().map(({ voxels }) => voxels)).toEqual([64, 6400, 64, 64, 64, undefined]);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(5);
    expect(resumed.stdout.replace('6400', '64')).toBe(whole.stdout);
    // What --json printed serves as well.
    writeFileSync(file, whole.stdout);
    await segloss([...args, '--resume', file]);
    expect(readFileSync(file, 'utf8')).toBe(whole.stdout);
    appendFileSync(join(PREDS, 'sub/case3.nii'), ' ');
    await segloss([...args, '--resume', file]);
    expect(readFileSync(file, 'utf8').slice(whole.stdout.length)).toMatch(/^\{"case":"sub\/case3".*\n$/);
    const other = await segloss([...args, '--resume', file, '--lesions']);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(
        /was written by "eval" with the options \{.*\}, now they are \{.*"lesions":true.*\}/,
      ),
    ]);
  });

  test('a reader that has seen enough is no fault', async () => {
    const { code, stderr } = await segloss([...args, '--json', '--jobs', '1'], undefined, [
      '--import',
      CLOSED,
    ]);
    expect([code, stderr.includes('EPIPE')]).toEqual([0, false]);
  });

  test('patterns say where the name is', async () => {
    write('data/p1/lesion.npy', npy([2], [0, 1]));
    write('data/p2/lesion.npy', npy([2], [1, 1]));
    write('out/p1_pred.npy', npy([2], [0, 1]));
    write('out/p2_pred.npy', npy([2], [1, 0]));
    const paths = ['eval', join(folder, 'out'), join(folder, 'data')];
    const { json } = await segloss([
      ...paths,
      '--pred-pattern',
      '{case}_pred',
      '--truth-pattern',
      '{case}/lesion.npy',
      '--json',
    ]);
    expect(
      json()
        .slice(0, 2)
        .map((line) => [line.case, line.mean.dice]),
    ).toEqual([
      ['p1', 1],
      ['p2', 2 / 3],
    ]);
    const { code, stderr } = await segloss(paths);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(
        /No name in .*out is also in .*data: p1_pred, p2_pred against p1\/lesion, p2\/lesion/,
      ),
    ]);
  });

  test('a bar on stderr when asked for, never in a pipe otherwise', async () => {
    const { stderr, stdout } = await segloss([...args, '--progress', '--csv']);
    expect(stderr).toMatch(/5 of 5 · .* left/);
    expect(stdout).not.toMatch(/left/);
  });
});

describe('wrong usage: exit 2, and what was expected', () => {
  test.each([
    [['eval', PRED], /missing required argument 'truth'/],
    [
      ['eval', PRED, TRUTH, '--min-dice', '80'],
      /'--min-dice <d>' argument '80' is invalid\. Expected a number from 0 to 1/,
    ],
    [['eval', PRED, TRUTH, '--ignore', 'x'], /Expected a whole number/],
    [
      ['eval', PRED, TRUTH, '--threshhold', '0'],
      /unknown option '--threshhold'\n\(Did you mean --threshold\?\)/,
    ],
    [['eval', PRED, TRUTH, '--json', '--csv'], /'--json' cannot be used with option '--csv'/],
    [['eval', PRED, 'absent.npy'], /TRUTH cannot be read: ENOENT.*absent\.npy/],
    [
      ['eval', PRED, folder],
      /PRED .* is a file, but TRUTH .* is a folder; expected two files or two folders/,
    ],
    [['eval', PRED, TRUTH, '--labels', PRED], /--labels .* cannot be read: .*expected JSON such as/],
    [
      ['eval', folder, folder, '--pred-pattern', 'x'],
      /--pred-pattern expected a path with one \{case\} in it/,
    ],
    [['eval', PRED, TRUTH, '--resume', folder], /--resume .* cannot be written: EISDIR/],
    [['evaluate'], /unknown command 'evaluate'/],
  ])('%j', async (args, message) => {
    const { code, stderr, stdout } = await segloss(args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });
});
