/** What MONAI ignores of a target that is no label map. */
import type { Loss, LossCall, Target } from '../../types.js';
import { pixelsOf, reading } from '../reading.js';

/** Each pixel's mask: 0 where it is of the ignored class, or, where that is no class, of no class at all. */
function maskOf(target: Target, call: LossCall, ignored: number): Uint8Array {
  const [samples = 0, channels = 0] = call.shape;
  const pixels = pixelsOf(call);
  const dense = channels > 1 && target.length === samples * channels * pixels;
  const isClass = ignored >= 0 && ignored < channels;
  return Uint8Array.from({ length: samples * pixels }, (_, at) => {
    if (call.mask?.[at] === 0) return 0;
    if (!dense) return Number(target[at] !== ignored);
    const start = Math.floor(at / pixels) * channels * pixels + (at % pixels);
    if (isClass) return Number(target[start + ignored * pixels] === 0);
    for (let k = 0; k < channels; k++) if (target[start + k * pixels] !== 0) return 1;
    return 0;
  });
}

interface IgnoringOptions {
  readonly to_onehot_y?: boolean | undefined;
  readonly ignore_index?: number | null | undefined;
}

/** The loss, made for an ignored label: of a label map, or of a one-hot target, where MONAI looks for the pixel's class. */
export function ignoring(
  name: string,
  given: IgnoringOptions,
  make: (ignoreIndex: number | undefined) => Loss,
): Loss {
  const { ignore_index, to_onehot_y } = given;
  if (ignore_index === undefined || ignore_index === null) return make(undefined);
  if (to_onehot_y) return make(ignore_index);
  return reading(name, given, make(undefined), (target, call) => [
    target,
    { ...call, mask: maskOf(target, call, ignore_index) },
  ]);
}
