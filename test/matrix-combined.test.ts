/** Many options at once, drawn at random from a seed, and weighted sums of such losses, against the f64 twin. */
import { describe, expect, it } from 'vitest';
import { draws, seeded } from './draws.js';
import { combination, compound } from './twin/cases.js';
import { compare } from './twin/compare.js';
import { random } from './twin/random.js';
import { TABLE } from './twin/table.js';

const SHOWN = 8;
const DRAWN = draws(250);

describe('options matrix, combined', () => {
  it.each(Object.keys(TABLE))(`%s: ${DRAWN} combinations`, (name) => {
    const r = random(seeded(name.length + 1000));
    const wrong = Array.from({ length: DRAWN }, () => compare(combination(name, r))).flat();
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([]);
  });

  it(`weightedSum: ${DRAWN} sums of two to four`, () => {
    const r = random(seeded(77));
    const wrong = Array.from({ length: DRAWN }, () => compare(compound(r))).flat();
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([]);
  });
});
