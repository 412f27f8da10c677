/** What a call of a loss works with: its terms on the channels at hand, and how the samples lie. */
import type { CheckedCall } from './check/call.js';
import { classesOf } from './check/classes.js';
import type { Group, Member } from './pass.js';
import type { Kernel } from './stream.js';
import { activationOf, type PixelTerm, type RegionTerm, ROWS, type Term, type WeightedTerm } from './term.js';
import type { Activation } from './types.js';

/** A loss's terms on the channels of a call. */
export interface Plan {
  readonly groups: readonly Group[];
  readonly members: readonly Member<Term>[];
}

function kernelOf({ term, classes }: Member<PixelTerm>, activation: Activation): Kernel {
  const constants = new Float32Array(ROWS * classes.channels);
  term.fill(constants, classes, activation, 1);
  return { code: term.kernel, exponent: term.exponent, constants };
}

export function makePlan(terms: readonly WeightedTerm[], channels: number): Plan {
  const members = terms.map(({ term }, index) => ({ term, classes: classesOf(term, channels), index }));
  const groups = new Map<string, Member<Term>[]>();
  for (const member of members) {
    const key = `${activationOf(member.term, channels)} ${member.term.ignoreIndex}`;
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return {
    members,
    groups: [...groups.values()].map((group) => {
      const activation = activationOf((group[0] as Member<Term>).term, channels);
      const pixel = group.filter((m): m is Member<PixelTerm> => m.term.family === 'pixel');
      return {
        activation,
        ignoreIndex: group[0]?.term.ignoreIndex,
        kernels: pixel.map((member) => kernelOf(member, activation)),
        pixel,
        region: group.filter((m): m is Member<RegionTerm> => m.term.family === 'region'),
      };
    }),
  };
}

/**
 * The call with its samples laid end to end as one, where the terms do not tell them apart and memory already has them
 * so: 65,536 samples of one pixel are then a few chunks, not 65,536.
 */
export function endToEnd(checked: CheckedCall, terms: readonly WeightedTerm[]): CheckedCall {
  const { samples, channels, pixels, last } = checked;
  const contiguous = channels === 1 || last || pixels === 1;
  const apart = terms.some(({ term }) => term.family === 'region' && term.aggregate === 'sample');
  if (samples <= 1 || !contiguous || apart || checked.sampleWeights) return checked;
  return { ...checked, samples: 1, pixels: samples * pixels, last: channels > 1 };
}
