/** What a pool refuses, and how calls and pools end. */
import { backend, binaryCrossEntropyLoss, crossEntropyLoss, diceLoss, type LossCall } from 'segloss';
import { createPool, type Pool, type PoolCall, type PoolWorker } from 'segloss/pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changed, random, thrown } from './contract-cases.js';
import { shared, worker, workerOf } from './pool-of.js';

const PIXELS = 200_000;
const shape = [1, 1, PIXELS];
const next = random(1);
const pred = Float32Array.from({ length: PIXELS }, () => 8 * next() - 4);
const target = Uint8Array.from({ length: PIXELS }, () => 2 * next());
const loss = diceLoss();

/** What a promise rejects with. */
async function rejected(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** A pool, and the workers it has made. */
async function poolOfWorkers(threads: number): Promise<{ pool: Pool; workers: PoolWorker[] }> {
  const workers: PoolWorker[] = [];
  const make = (): PoolWorker => {
    const one = worker();
    workers.push(one);
    return one;
  };
  return { pool: await createPool({ threads, worker: make }), workers };
}

let pool: Pool;
beforeAll(async () => {
  pool = await createPool({ threads: 3, worker });
});
afterAll(() => pool.close());

const works = async (): Promise<void> => {
  expect(await pool.value(loss, pred, target, { shape })).toBe(loss.value(pred, target, { shape }));
};

test('a pool tells how many threads it has, and backend() how they get their data', () => {
  expect(pool.threads).toBe(3);
  expect(backend()).toMatchObject({ threads: 'shared', started: true });
});

describe('the errors of the loss', () => {
  const mask = new Float32Array(PIXELS).fill(1);
  const pixelWeights = new Float32Array(PIXELS).fill(1);
  const none = diceLoss({ activation: 'none' });
  const probabilities = pred.map((z) => 1 / (1 + Math.exp(-z)));
  /** Two that are bad, in chunks apart; the first is the one to be named. */
  const twice = <T extends Float32Array | Uint8Array>(array: T, to: number): T =>
    changed(changed(array, 190_000, to), 70_001, to);
  const cases: [string, typeof loss, Float32Array, Uint8Array, LossCall][] = [
    ['a label', loss, pred, twice(target, 255), { shape }],
    ['a mask', loss, pred, target, { shape, mask: twice(mask, NaN) }],
    ['a weight', loss, pred, target, { shape, pixelWeights: twice(pixelWeights, -1) }],
    ['a probability', none, twice(probabilities, 2), target, { shape }],
    [
      'channels last',
      crossEntropyLoss(),
      pred,
      twice(target, 7).subarray(100_000),
      { shape: [1, 2, 100_000] },
    ],
    ['a length', loss, pred, target.subarray(1), { shape }],
    ['a shape', loss, pred, target, { shape: [PIXELS] }],
    ['a name', loss, pred, target, { shape, maks: mask } as LossCall],
    ['no typed array', loss, pred, [1, 2] as unknown as Uint8Array, { shape }],
  ];

  test.each(cases)('%s', async (_, of, p, t, call) => {
    const expected = thrown(() => of.valueAndGrad(p, t, call));
    const memories = [
      (x: never) => x,
      (x: Float32Array | Uint8Array) => (ArrayBuffer.isView(x) ? shared(x) : x),
    ];
    for (const memory of memories as ((x: unknown) => never)[]) {
      for (const method of ['value', 'valueAndGrad', 'accumulate'] as const) {
        const error = await rejected(pool[method](of, memory(p), memory(t), call));
        expect(error.constructor).toBe(expected.constructor);
        expect(error.message).toBe(expected.message);
      }
    }
    await works();
  });

  test('nothing is written to a prediction that is `out` before the rest is checked', async () => {
    for (const own of [pred.slice(), shared(pred)]) {
      const call = { shape, out: own };
      await rejected(pool.valueAndGrad(loss, own, changed(target, 190_000, 9), call));
      expect(own).toEqual(pred);
    }
  });
});

describe('what is no call', () => {
  const call = { shape };
  test.each<[string, () => Promise<unknown>, string, RegExp]>([
    ['loss', () => pool.value({} as never, pred, target, call), 'TypeError', /"loss" expected a loss/],
    ['call', () => pool.value(loss, pred, target, 1 as never), 'TypeError', /"call" expected an object/],
    [
      'signal',
      () => pool.value(loss, pred, target, { shape, signal: {} as never }),
      'TypeError',
      /AbortSignal/,
    ],
    [
      'name',
      () => pool.value(loss, pred, target, { shape, sgnal: 1 } as PoolCall),
      'TypeError',
      /"signal"\?/,
    ],
    ['threads', () => createPool({ threads: 0 }), 'RangeError', /"threads" expected an integer ≥ 1, got 0/],
    ['threads', () => createPool({ threads: '2' as never }), 'TypeError', /"threads"/],
    ['worker', () => createPool({ worker: 1 as never }), 'TypeError', /"worker" expected a function/],
    ['option', () => createPool({ thread: 2 } as never), 'TypeError', /did you mean "threads"\?/],
    ['options', () => createPool(null as never), 'TypeError', /createPool expected an options object/],
  ])('%s: %s', async (_, run, name, text) => {
    const error = await rejected(run());
    expect(error.name).toBe(name);
    expect(error.message).toMatch(text);
  });
});

describe.each(['plain', 'shared'] as const)('abort, %s memory', (kind) => {
  const large = 4_000_000;
  const memory = <T extends Float32Array | Uint8Array>(array: T): T =>
    kind === 'shared' ? shared(array) : array;
  const p = memory(new Float32Array(large).fill(1));
  const t = memory(new Uint8Array(large));
  const call = { shape: [1, 1, large] };

  test('before the call', async () => {
    const reason = new Error('no more');
    const signal = AbortSignal.abort(reason);
    expect(await rejected(pool.valueAndGrad(loss, p, t, { ...call, signal }))).toBe(reason);
    await works();
  });

  test('in the middle: nothing is written after it', async () => {
    const control = new AbortController();
    const out = memory(new Float32Array(large));
    const bce = binaryCrossEntropyLoss();
    const promise = pool.valueAndGrad(bce, p, t, { ...call, out, signal: control.signal });
    control.abort(new Error('enough'));
    expect((await rejected(promise)).message).toBe('enough');
    const left = out.slice();
    expect(left.at(-1)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(left.every((x, i) => x === out[i])).toBe(true);
    await works();
  });

  test('after it: nothing', async () => {
    const control = new AbortController();
    const value = await pool.value(loss, p, t, { ...call, signal: control.signal });
    control.abort();
    expect(value).toBe(loss.value(p, t, call));
  });
});

describe('the end', () => {
  test('close rejects what is under way and what comes', async () => {
    const { pool: own } = await poolOfWorkers(2);
    const pending = rejected(own.value(loss, pred, target, { shape }));
    await own.close();
    expect((await pending).message).toBe('the pool is closed');
    expect((await rejected(own.value(loss, pred, target, { shape }))).message).toBe('the pool is closed');
    await own.close();
  });

  test.each(['idle', 'at work'])('a worker that dies %s is an error, not a hang', async (when) => {
    const { pool: own, workers } = await poolOfWorkers(2);
    const call = { shape: [1, 1, 20 * PIXELS] };
    const large = new Float32Array(20 * PIXELS);
    const calls = () => own.valueAndGrad(loss, large, new Uint8Array(20 * PIXELS), call);
    if (when === 'at work') {
      const pending = rejected(calls());
      workers[0]!.terminate();
      expect((await pending).message).toMatch(/^a worker of the pool died: .+; make another pool$/);
    } else workers[0]!.terminate();
    expect((await rejected(calls())).message).toMatch(/^a worker of the pool died/);
    expect((await rejected(own.value(loss, pred, target, { shape }))).message).toMatch(/died/);
    await own.close();
    await works();
  });

  test('workers that do not start', async () => {
    const broken = () => workerOf('throw new Error("no such luck");');
    const error = await rejected(createPool({ threads: 2, worker: broken }));
    expect(error.message).toMatch(/^a worker of the pool did not start: .*no such luck; see "worker"$/);
    const refused = (): never => {
      throw new Error('not allowed');
    };
    expect((await rejected(createPool({ worker: refused }))).message).toMatch(/not allowed/);
  });

  test('one that does not start takes the others with it', async () => {
    const ended: boolean[] = [];
    let made = 0;
    const mixed = (): PoolWorker => {
      if (made++ > 0) return workerOf('throw new Error("no such luck");');
      const one = worker();
      return new Proxy(one, {
        get: (of, name) => {
          if (name === 'terminate') ended.push(true);
          const member = Reflect.get(of, name) as unknown;
          return typeof member === 'function' ? (member.bind(of) as unknown) : member;
        },
      });
    };
    await rejected(createPool({ threads: 2, worker: mixed }));
    expect(ended).toEqual([true]);
  });
});
