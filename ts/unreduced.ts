/** Pixel losses before the mean, in the caller's shape. */
import { type CheckedCall, spatialOf } from './check/call.js';
import type { Group } from './pass.js';
import { unreducedPass } from './stream.js';
import type { Unreduced } from './types.js';

/** The weighted loss of every element (sigmoid, none) or pixel (softmax) of the group's one loss. */
export function unreducedData(call: CheckedCall, group: Group): Unreduced {
  const softmax = group.activation === 'softmax';
  const data = new Float32Array(softmax ? call.samples * call.pixels : call.pred.length);
  unreducedPass(call, group, data);
  if (!softmax) return { data, shape: [...call.shape] };
  const last = group.pixel[0]?.term.dataFormat === 'channelsLast';
  return { data, shape: [call.shape[0] ?? 0, ...spatialOf(call.shape, last)] };
}
