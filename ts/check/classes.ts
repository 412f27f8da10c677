/** Checks a term's options against the channels of a call. */
import { ShapeError } from '../errors.js';
import { activationOf, type Classes, keptClasses, type Term } from '../term.js';

/** The classes and class weights in force. */
export function classesOf(term: Term, channels: number): Classes {
  const activation = activationOf(term, channels);
  if (term.name === 'crossEntropyLoss' && channels === 1) {
    throw new RangeError('crossEntropyLoss of one channel is always 0; use binaryCrossEntropyLoss');
  }
  if (activation === 'softmax' && channels === 1) {
    throw new RangeError(`"activation" 'softmax' of one channel is always 1; use sigmoid (${term.name})`);
  }
  const kept = keptClasses(term, channels);
  const outside = kept.find((k) => k >= channels);
  if (outside !== undefined) {
    throw new RangeError(`"classes" expected classes 0…${channels - 1}, got ${outside}`);
  }
  if (kept.length === 0 && channels > 0) {
    throw new RangeError('"includeBackground": false leaves no class where there is one channel');
  }
  if (term.family !== 'region' && activation !== 'softmax' && term.alpha !== undefined) {
    const tooMuch = [term.alpha].flat().find((a) => a > 1);
    if (tooMuch !== undefined) {
      throw new RangeError(
        `"alpha" expected numbers in [0, 1] with ${activation}, got ${tooMuch}; negatives get 1 − alpha`,
      );
    }
  }
  const lists = {
    classWeights: term.classWeights,
    ...(term.family === 'region' ? { distances: term.distances } : term.perClass),
  };
  for (const [name, list] of Object.entries(lists)) {
    if (list !== undefined && list.length !== channels && channels > 0) {
      throw new ShapeError(name, `${channels} numbers, one a channel`, String(list.length));
    }
  }
  return { channels, kept, weights: term.classWeights ?? new Array<number>(channels).fill(1) };
}

/** Throws where an ignored label would be a value of a dense target. */
export function checkIgnoreIndex(ignoreIndex: number | undefined, dense: boolean): void {
  if (dense && (ignoreIndex === 0 || ignoreIndex === 1)) {
    throw new RangeError(`"ignoreIndex" ${ignoreIndex} is a value of a dense target; use "mask" instead`);
  }
}
