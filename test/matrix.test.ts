/** Every option of every loss by itself, with every activation, kind of target and reduction, against the f64 twin. */
import { afterAll, describe, expect, it } from 'vitest';
import { share } from './draws.js';
import { type Case, oneAtATime } from './twin/cases.js';
import { compare } from './twin/compare.js';
import { TABLE } from './twin/table.js';

const SHOWN = 8;
let [total, ran] = [0, 0];

describe('options matrix, one at a time', () => {
  it.each(Object.keys(TABLE))('%s: value ≤ 1e-6, gradient ≤ 2e-6 of the largest entry', (name) => {
    const all: Case[] = [...oneAtATime(name)];
    total += all.length;
    expect(all.length).toBeGreaterThan(350);
    const cases = share(all);
    ran += cases.length;
    const wrong = cases.flatMap(compare);
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong in ${cases.length} cases`).toEqual([]);
  });

  afterAll(() => {
    console.log(`options matrix: ${total} cases, ${ran} of them run`);
    expect(total).toBeGreaterThan(30_000);
  });
});
