/** Many small samples, of which the core takes a tile at once: options drawn at random, against the f64 twin. */
import { describe, expect, it } from 'vitest';
import { draws, seeded } from './draws.js';
import { combination, compound, MANY } from './twin/cases.js';
import { compare } from './twin/compare.js';
import { random } from './twin/random.js';
import { TABLE } from './twin/table.js';

const SHOWN = 4;
const DRAWN = draws(12);

describe('many small samples', () => {
  it.each(Object.keys(TABLE))(`%s: ${DRAWN} combinations`, (name) => {
    const r = random(seeded(name.length + 5000));
    const wrong = Array.from({ length: DRAWN }, () => compare(combination(name, r, MANY))).flat();
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([]);
  });

  it(`weightedSum: ${DRAWN} sums of two to four`, () => {
    const r = random(seeded(78));
    const wrong = Array.from({ length: DRAWN }, () => compare(compound(r, MANY))).flat();
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([]);
  });
});
