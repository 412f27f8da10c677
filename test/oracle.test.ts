/** Every fixture of `test/oracle`: value and gradient of other libraries, and the tolerance that goes with them. */
import { describe, expect, test } from 'vitest';
import { boundaryLoss, clDiceLoss, hausdorffLoss } from '../ts/geometric/index.js';
import * as segloss from '../ts/index.js';
import type { Loss, LossCall, LossConfig, Target } from '../ts/index.js';

interface Case {
  readonly title: string;
  /** What gave value and gradient, of the names `scripts/fixtures/fixture.py` explains. */
  readonly source: string;
  readonly options: LossConfig['options'];
  /** Of a weighted sum. */
  readonly terms?: LossConfig['terms'];
  readonly call: { readonly shape: number[]; readonly pixelWeights?: number[] } & Omit<
    LossCall,
    'pixelWeights'
  >;
  readonly pred: number[];
  readonly target: { readonly type: string; readonly data: number[] };
  readonly value: number;
  readonly grad: number[];
}

interface Fixture {
  readonly loss: string;
  readonly domain: string;
  /** Value: relative. Gradient: of the largest entry, at every entry. */
  readonly tolerance: { readonly value: number; readonly gradient: number };
  readonly cases: Case[];
}

type Door = Readonly<Record<string, ((options: object) => Loss) | undefined>>;
type TypedArrays = Readonly<Record<string, { from(data: number[]): Target }>>;

const files = import.meta.glob<Fixture>('./oracle/**/*.json', { eager: true, import: 'default' });
const doors = import.meta.glob<Door>(['../ts/compat/*.ts', '../ts/geometric/index.ts'], { eager: true });
const losses = { boundaryLoss, clDiceLoss, hausdorffLoss };

/** A fixture in a folder is of the sub-path of that name. */
function doorOf(file: string): Door {
  const [, folder] = /oracle\/(.+)\//.exec(file) ?? [];
  if (folder === undefined) return segloss as unknown as Door;
  return doors[`../ts/compat/${folder}.ts`] ?? (doors[`../ts/${folder}/index.ts`] as Door);
}

test('there are fixtures', () => {
  expect(Object.keys(files).length).toBeGreaterThan(0);
});

for (const [file, { loss, domain, tolerance, cases }] of Object.entries(files)) {
  const door = doorOf(file);
  const bound = `value within ${tolerance.value}, gradient within ${tolerance.gradient} of its largest entry`;
  describe(`${file.slice('./oracle/'.length)}: ${loss}, ${domain}: ${bound}`, () => {
    for (const { title, source, options, terms, call, pred, target, value, grad } of cases) {
      test(`${title}: ${source}`, () => {
        const made = terms
          ? segloss.lossFromJSON({ name: loss, options, terms }, { losses })
          : door[loss]?.(options);
        if (made === undefined) throw new Error(`no ${loss} is exported`);
        const kind = (globalThis as unknown as TypedArrays)[target.type];
        const { pixelWeights, ...rest } = call;
        const given = { ...rest, ...(pixelWeights && { pixelWeights: Float32Array.from(pixelWeights) }) };
        const found = made.valueAndGrad(Float32Array.from(pred), kind?.from(target.data) as Target, given);
        const largest = Math.max(...grad.map(Math.abs));
        expect(Math.abs(found.value - value)).toBeLessThanOrEqual(tolerance.value * (Math.abs(value) || 1));
        expect(found.grad.length).toBe(grad.length);
        const errors = grad.map((expected, i) => Math.abs((found.grad[i] ?? NaN) - expected));
        expect(Math.max(...errors)).toBeLessThanOrEqual(tolerance.gradient * (largest || 1));
      });
    }
  });
}
