/** Every file of `test/oracle-compat`: what a peer gives for its own functions under every keyword, in f64. */
import { afterAll, describe, expect, test } from 'vitest';
import { clDiceLoss, hausdorffLoss } from '../ts/geometric/index.js';
import { lossFromJSON } from '../ts/index.js';
import type { Loss, LossConfig } from '../ts/index.js';
import { type Case, dataOf, doorOf, factoryOf, type Input, ORACLES } from './peers.js';

/** Relative, and of the largest entry. */
const VALUE = 1e-6;
const GRADIENT = 1e-5;

/** The largest difference, over the largest entry of what is expected. */
function error(found: ArrayLike<number>, expected: readonly number[]): number {
  if (found.length !== expected.length) return Infinity;
  const largest = Math.max(...expected.map(Math.abs)) || 1;
  // Written so that a NaN stays one.
  return expected.reduce((worst, x, i) => {
    const now = Math.abs((found[i] ?? NaN) - x) / largest;
    return now <= worst ? worst : now;
  }, 0);
}

function errors(
  make: (options: object) => Loss,
  one: Case,
  input: Input,
): { value: number; gradient: number } {
  const given = dataOf(input);
  const loss = make(one.options);
  if (one.unreduced) {
    return { value: error(loss.unreduced(...given).data, one.value as readonly number[]), gradient: 0 };
  }
  const found = loss.valueAndGrad(...given);
  const each = one.each ? error(loss.unreduced(...given).data, one.each) : 0;
  return {
    value: Math.max(error([found.value], [one.value as number]), each),
    gradient: error(found.grad, one.gradient ?? []),
  };
}

/** A deviation may refuse at any step. */
function deviates(make: (options: object) => Loss, one: Case, input: Input): boolean {
  try {
    const { value, gradient } = errors(make, one, input);
    return value > VALUE || gradient > GRADIENT;
  } catch (caught) {
    return caught instanceof RangeError || caught instanceof TypeError;
  }
}

test('there are peers', () => {
  expect(ORACLES.length).toBeGreaterThan(0);
});

for (const { peer, version, inputs, cases } of ORACLES) {
  const versions = Object.entries(version).map((pair) => pair.join(' '));
  describe(`${peer} (${versions.join(', ')})`, () => {
    const worst = { value: 0, gradient: 0 };
    const of = ({ function: name }: Case): ((options: object) => Loss) => {
      const make = factoryOf(peer, name);
      // What its JSON gives back is held against the peer.
      return (options) => {
        const made = make(options);
        return lossFromJSON(JSON.parse(JSON.stringify(made)) as LossConfig, {
          losses: { clDiceLoss, hausdorffLoss, ...doorOf(peer) },
        });
      };
    };

    const title = (one: Case): string =>
      `${one.function}(${JSON.stringify(one.options)}) of ${one.input}${one.deviation ? `: ${one.deviation}` : ''}`;

    test.each(cases.filter((one) => !one.deviation).map((one) => [title(one), one] as const))(
      '%s',
      (_, one) => {
        const found = errors(of(one), one, inputs[one.input] as Input);
        expect(found.value).toBeLessThanOrEqual(VALUE);
        expect(found.gradient).toBeLessThanOrEqual(GRADIENT);
        worst.value = Math.max(worst.value, found.value);
        worst.gradient = Math.max(worst.gradient, found.gradient);
      },
    );

    test.each(cases.filter((one) => one.deviation).map((one) => [title(one), one] as const))(
      'still deviates: %s',
      (_, one) => {
        expect(deviates(of(one), one, inputs[one.input] as Input)).toBe(true);
      },
    );

    afterAll(() => {
      const deviating = cases.filter((one) => one.deviation).length;
      console.log(
        `${peer}: ${cases.length - deviating} cases, worst error of a value ${worst.value.toExponential(1)}, ` +
          `of a gradient ${worst.gradient.toExponential(1)}; ${deviating} deviations`,
      );
    });
  });
}
