/** Parameters that the losses of segmentation_models_pytorch share. */
import { boolean, number, numbers, oneOf, refuse, type Rules } from '../../check/options.js';
import type { Activation } from '../../types.js';
import { orNone } from '../peer.js';

/** One channel of 0 and 1; one distribution over the channels; channels each by itself. */
export type SmpMode = 'binary' | 'multiclass' | 'multilabel';

const MODE = oneOf('binary', 'multiclass', 'multilabel');
export const IGNORE_INDEX = orNone(number({ integer: true }));
export const CLASS_WEIGHTS = orNone(numbers({ min: 0 }));
/** What is divided by, and what a logarithm is taken of, is no less. */
export const EPS = number({ min: 0 });

export function activationOf(mode: SmpMode, fromLogits: boolean): Activation {
  if (!fromLogits) return 'none';
  return mode === 'multiclass' ? 'softmax' : 'sigmoid';
}

/** Throws unless the mode is given. */
export function needsMode(name: string, mode: SmpMode | undefined): asserts mode is SmpMode {
  if (mode === undefined) {
    throw new TypeError(`"mode" of ${name} expected 'binary', 'multiclass' or 'multilabel', got undefined`);
  }
}

/** Throws where a parameter of classes is given in binary mode. */
export function refuseClasses(mode: SmpMode, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (mode === 'binary' && value !== undefined && value !== null) {
      refuse(`"${name}" is not supported with mode: 'binary'`);
    }
  }
}

export const COMMON: Rules = { mode: MODE, ignore_index: IGNORE_INDEX, from_logits: boolean };
