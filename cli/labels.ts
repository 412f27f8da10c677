/** Volumes as label maps, and the names of labels. */
import { readFileSync } from 'node:fs';
import { CaseError, messageOf, UsageError } from './errors.js';
import { type Elements, indexOf, type Volume } from './read/volume.js';

/** How far a stored label may be from the integer it stands for: a scale in the header is of 24 bits. */
const ROUNDING = 1e-3;

const isFloat = (data: Elements): data is Float32Array | Float64Array =>
  data instanceof Float32Array || data instanceof Float64Array;

const at = (volume: Volume, offset: number): string => `at index (${indexOf(volume, offset).join(', ')})`;

/** 1 where the value is the threshold or more. */
export function thresholded(volume: Volume, threshold: number): Volume {
  const { data } = volume;
  const mask = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (Number.isNaN(value)) {
      throw new CaseError(
        `${volume.path} holds NaN ${at(volume, i)}; expected a number to compare with --threshold.`,
      );
    }
    mask[i] = value >= threshold ? 1 : 0;
  }
  return { ...volume, data: mask };
}

/** The same volume with whole numbers only; rounds in place what a scale has moved by a hair. */
export function labelsOf(volume: Volume): Volume {
  const { data } = volume;
  if (!isFloat(data)) return volume;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    const label = Math.round(value);
    if (!(Math.abs(value - label) <= ROUNDING)) {
      const likely =
        value > 0 && value < 1
          ? 'These look like probabilities: --threshold 0.5 marks those of one half and more.'
          : 'If these are logits, --threshold 0 marks probabilities of one half and more; if a label map was resampled, do it with nearest neighbour.';
      throw new CaseError(
        `${volume.path} holds ${value} ${at(volume, i)}; expected labels, which are whole numbers. ${likely}`,
      );
    }
    // + 0: without the sign of −0.
    data[i] = label + 0;
  }
  return volume;
}

/** 1 for every label but 0; the ignored label stays. */
export function foregroundOf(volume: Volume, ignore: number | undefined): Volume {
  const { data } = volume;
  const small = ignore === undefined || (ignore >= 0 && ignore <= 255);
  const marked = small ? new Uint8Array(data.length) : new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const label = data[i]!;
    marked[i] = label === ignore ? label : label === 0 ? 0 : 1;
  }
  return { ...volume, data: marked };
}

export type Names = Readonly<Record<string, string>>;

/**
 * Names of labels: `["background", "lesion"]`, `{"1": "lesion"}`, `{"lesion": 1}`, or any of these under `labels`, as in
 * nnU-Net's dataset.json.
 */
export function readNames(path: string): Names {
  const expected = `expected JSON such as {"1": "lesion"}, {"lesion": 1} or ["background", "lesion"]`;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--labels ${path} cannot be read: ${messageOf(error)}; ${expected}.`);
  }
  if (typeof json === 'object' && json !== null && 'labels' in json && typeof json.labels === 'object')
    json = json.labels;
  const names: Record<string, string> = {};
  for (const [key, value] of Object.entries(json ?? {})) {
    if (/^-?\d+$/.test(key) && typeof value === 'string') names[key] = value;
    else if (Number.isInteger(value)) names[String(value)] = key;
    else
      throw new UsageError(
        `--labels ${path} holds ${JSON.stringify({ [key]: value as unknown })}; ${expected}.`,
      );
  }
  if (Object.keys(names).length === 0) throw new UsageError(`--labels ${path} names no label; ${expected}.`);
  return names;
}
