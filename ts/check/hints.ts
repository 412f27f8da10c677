/** What people's usual mistakes look like, and the fix of each. Read only on the way to an error. */

interface Sizes {
  readonly samples: number;
  readonly channels: number;
  readonly pixels: number;
}

/** Where a picture of several channels was given for a mask of one. */
export function pictureHint(length: number, pixels: number): string {
  const times = length / pixels;
  if (times !== 3 && times !== 4) return '';
  const name = times === 4 ? 'an RGBA' : 'an RGB';
  return `${times} values a pixel: ${name} picture? take one of its channels, data.filter((_, i) => i % ${times} === 0)`;
}

/** What a target, mask or weights of a wrong length most likely are. */
export function lengthHint(
  length: number,
  { samples, channels, pixels }: Sizes,
  shape: readonly number[],
  last: boolean,
): string {
  const total = samples * channels * pixels;
  const elsewhere = shape[last ? 1 : shape.length - 1] ?? 1;
  if (shape.length > 2 && length > 0 && length === total / elsewhere) {
    const [is, format] = last
      ? ['[N, C, ...spatial]', 'channelsFirst']
      : ['[N, ...spatial, C]', 'channelsLast'];
    return (
      `that is one a pixel if shape [${shape.join(', ')}] is ${is}: ` +
      `for this layout make the loss with dataFormat: '${format}'`
    );
  }
  return pictureHint(length, samples * pixels);
}

/** What a prediction of a wrong length most likely is. */
export function predictionHint(length: number, { samples, channels, pixels }: Sizes): string {
  if (channels === 1 || length === 0 || length !== samples * pixels) return '';
  return `one value a pixel: an arg-max? a loss takes the ${channels} logits of each pixel`;
}

/** What a number that is no label most likely is. */
export function labelHint(value: number): string {
  const near = (x: number): boolean => Math.abs(x - Math.round(x)) < 1e-3;
  if (near(value)) return 'labels that were scaled or resampled are no longer whole: round them';
  if (value > 0 && value < 1 && near(255 * value)) {
    return (
      `that is ${Math.round(255 * value)}/255: labels read as a picture scaled to [0, 1]? ` +
      'Uint8Array.from(labels, (x) => Math.round(255 * x)) brings them back'
    );
  }
  return '';
}

/** What an entry of a dense target that is no probability most likely is. */
export function denseHint(value: number, channels: number, integers: boolean): string {
  if (Number.isNaN(value)) return '';
  if (integers && channels === 4 && value > 1) {
    return 'an RGBA picture of four values a pixel? take one of its channels, data.filter((_, i) => i % 4 === 0)';
  }
  if (value === 255) return 'divide by 255 if it marks the foreground';
  if (integers) return '';
  return (
    'these look like logits, a target holds labels or probabilities' +
    (Number.isInteger(value) ? '' : '; or "pred" and "target" are exchanged: the prediction comes first')
  );
}
