/** `segloss check` and `segloss bench`. */
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch, segloss } from './command.js';

const { write } = scratch();
const PACKAGE = pathToFileURL(join(import.meta.dirname, '..', '..', 'dist', 'index.js')).href;

/** Sigmoid Dice over the batch by hand, for one channel; the gradient multiplied by a factor. */
const BY_HAND = (factor: string, smooth = '1'): string => `
  const sums = (pred, target) => {
    let [tp, p, g] = [0, 0, 0];
    for (let i = 0; i < pred.length; i++) {
      const q = 1 / (1 + Math.exp(-pred[i]));
      tp += q * target[i]; p += q; g += target[i];
    }
    return { tp, p, g };
  };
  export const dice = {
    name: 'by hand',
    value(pred, target) {
      const { tp, p, g } = sums(pred, target);
      return 1 - (2 * tp + ${smooth}) / (p + g + ${smooth});
    },
    valueAndGrad(pred, target, { upstream = 1 }) {
      const { tp, p, g } = sums(pred, target);
      const denominator = p + g + ${smooth};
      const grad = Float32Array.from(pred, (z, i) => {
        const q = 1 / (1 + Math.exp(-z));
        return ${factor} * upstream * q * (1 - q) * ((2 * tp + ${smooth}) / denominator ** 2 - 2 * target[i] / denominator);
      });
      return { value: this.value(pred, target), grad };
    },
  };`;

test('a right loss passes, and equals ours', async () => {
  const file = write('right.mjs', BY_HAND('1'));
  const against = '{"name":"diceLoss","options":{"smooth":1,"aggregate":"batch"}}';
  const { code, stdout, stderr } = await segloss(['check', file, '--channels', '1', '--against', against]);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/All checks passed\.\n$/);
  expect(stdout).toMatch(/value and gradient of .* │ passed in 4/);
  expect(code).toBe(0);
});

test('a loss of the package passes whole, its sums too', async () => {
  const file = write('ours.mjs', `import { diceLoss } from '${PACKAGE}'; export default () => diceLoss();`);
  const { code, json } = await segloss(['check', file, '--json']);
  const findings = json();
  expect(findings.filter(({ passed }) => passed !== true)).toEqual([]);
  expect(
    findings.filter(({ check, detail }) => /sums of two halves|toJSON/.test(String(check)) && detail === ''),
  ).toHaveLength(16);
  expect(code).toBe(0);
});

test('a wrong gradient is found, with the entry', async () => {
  const { code, stdout } = await segloss(['check', write('wrong.mjs', BY_HAND('0.9')), '--channels', '1']);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /FAILED {2}gradient against differences of the value, with one channel, mixed labels: largest error 1\.0e-1/,
  );
});

test('another formula is found', async () => {
  const file = write('other.mjs', BY_HAND('1', '2'));
  const against = '{"name":"diceLoss","options":{"smooth":1,"aggregate":"batch"}}';
  const { code, stdout } = await segloss(['check', file, '--channels', '1', '--against', against]);
  expect([code, stdout]).toEqual([1, expect.stringMatching(/yours is 0\.\d+, the other 0\.\d+/)]);
});

test('the mistakes people make: infinite values, inputs written to, a short gradient, upstream forgotten', async () => {
  const log = 'const q = 1 / (1 + Math.exp(-z)); return target[i] ? -Math.log(q) : -Math.log(1 - q);';
  const file = write(
    'many.mjs',
    `export default {
      value: (pred, target) => pred.reduce((sum, z, i) => sum + (() => { ${log} })(), 0) / pred.length,
      valueAndGrad(pred, target) {
        const value = this.value(pred, target);
        for (let i = 0; i < pred.length; i++) pred[i] = (1 / (1 + Math.exp(-pred[i])) - target[i]) / pred.length;
        return { value, grad: pred.slice() };
      },
    };`,
  );
  const { code, stdout } = await segloss(['check', file, '--channels', '1']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/extreme values: the value is (NaN|Infinity)/);
  expect(stdout).toMatch(/not written to, with .*: the prediction changed/);
  expect(stdout).toMatch(/FAILED {2}upstream/);
});

test('what is no loss is wrong usage', async () => {
  const { code, stderr } = await segloss(['check', write('none.mjs', 'export const x = 1;')]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/none\.mjs exports x; expected one of them to be a loss, an object with value/),
  ]);
  expect((await segloss(['check', 'absent.mjs'])).code).toBe(2);
});

test('bench checks and times each engine', async () => {
  const { code, json, stderr } = await segloss([
    'bench',
    '--case',
    'binary cross-entropy 1x1x8x8',
    '--seconds',
    '0.01',
    '--json',
  ]);
  expect([code, stderr]).toEqual([0, '']);
  const rows = json();
  expect(rows.map(({ mode }) => mode)).toEqual(['value', 'value + gradient']);
  for (const { timings } of rows) {
    const engines = timings as { engine: string; min: number }[];
    expect(engines.map(({ engine }) => engine)).toEqual(expect.arrayContaining(['idiomatic-ts', 'tuned-ts']));
    expect(engines.every(({ min }) => min > 0)).toBe(true);
  }
  const unknown = await segloss(['bench', '--case', 'nothing']);
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringMatching(/is part of no case's name; there are /),
  ]);
});
