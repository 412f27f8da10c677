/** What a loss is tried on: small inputs of every kind that goes wrong. */

export interface Problem {
  readonly name: string;
  readonly shape: readonly number[];
  readonly pred: Float32Array;
  readonly target: Uint8Array;
  /** Logits or probabilities at the end of their range: differences say nothing there, but all must stay finite. */
  readonly extreme?: boolean;
}

const [SAMPLES, SIDE] = [2, 6];
const PIXELS = SIDE * SIDE;

/** The same in every run: irrational steps fill [0, 1) evenly. */
const unit = (i: number): number => (i * 0.618033988749895) % 1;

function predictionOf(channels: number, probabilities: boolean): Float32Array {
  const pred = Float32Array.from({ length: SAMPLES * channels * PIXELS }, (_, i) =>
    probabilities ? 0.1 + 0.8 * unit(i + 1) : 6 * unit(i + 1) - 3,
  );
  if (!probabilities || channels === 1) return pred;
  for (let b = 0; b < SAMPLES; b++) {
    for (let i = 0; i < PIXELS; i++) {
      const at = (k: number): number => (b * channels + k) * PIXELS + i;
      let sum = 0;
      for (let k = 0; k < channels; k++) sum += pred[at(k)]!;
      for (let k = 0; k < channels; k++) pred[at(k)] = pred[at(k)]! / sum;
    }
  }
  return pred;
}

function extremesOf(channels: number, probabilities: boolean): Float32Array {
  return Float32Array.from({ length: SAMPLES * channels * PIXELS }, (_, i) => {
    const channel = Math.floor(i / PIXELS) % channels;
    const high = channels === 1 ? i % 2 === 0 : i % channels === channel;
    return probabilities ? (high ? 1 : 0) : high ? 1e4 : -1e4;
  });
}

export function problemsOf(channels: readonly number[], probabilities: boolean): Problem[] {
  return channels.flatMap((count) => {
    const classes = Math.max(count, 2);
    const shape = [SAMPLES, count, SIDE, SIDE];
    const labels = (label: (i: number) => number): Uint8Array =>
      Uint8Array.from({ length: SAMPLES * PIXELS }, (_, i) => label(i));
    const mixed = labels((i) => Math.floor(classes * unit(3 * i + 2)));
    const pred = predictionOf(count, probabilities);
    const of = count === 1 ? 'one channel' : `${count} channels`;
    return [
      { name: `${of}, mixed labels`, shape, pred, target: mixed },
      { name: `${of}, background alone`, shape, pred, target: labels(() => 0) },
      { name: `${of}, one class everywhere`, shape, pred, target: labels(() => classes - 1) },
      {
        name: `${of}, a single pixel of it`,
        shape,
        pred,
        target: labels((i) => (i === 7 ? classes - 1 : 0)),
      },
      {
        name: `${of}, extreme values`,
        shape,
        pred: extremesOf(count, probabilities),
        target: mixed,
        extreme: true,
      },
    ];
  });
}
