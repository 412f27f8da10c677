/** The loss of one case. */
import { lossFromJSON } from 'segloss';
import type { Case } from './cases.js';
import { CaseError, messageOf } from './errors.js';
import { foregroundOf, labelsOf } from './labels.js';
import { type Layout, layoutOf } from './layout.js';
import { REORIENTED } from './pair.js';
import { extensionOf, readVolume } from './read/index.js';
import type { Elements, Volume } from './read/volume.js';

type LossConfig = Parameters<typeof lossFromJSON>[0];

export interface LossOptions {
  readonly loss: LossConfig;
  readonly axes?: string;
  readonly foreground?: boolean;
  readonly ignore?: number;
}

export interface LossResult {
  readonly shape: readonly number[];
  readonly value: number;
  readonly terms?: readonly { readonly name: string; readonly weight: number; readonly value: number }[];
  readonly perClass?: readonly number[];
  readonly classes: readonly number[];
  readonly notes: readonly string[];
}

/** The same loss for data of this format: the files say where their channels are, not the configuration. */
function withFormat(config: LossConfig, dataFormat: Layout['dataFormat']): LossConfig {
  if (config.terms === undefined) return { ...config, options: { ...config.options, dataFormat } };
  return { ...config, terms: config.terms.map(([weight, term]) => [weight, withFormat(term, dataFormat)]) };
}

function floats(data: Elements): Float32Array | Float64Array {
  return data instanceof Float32Array || data instanceof Float64Array ? data : Float32Array.from(data);
}

/** Dense truths hold probabilities, label maps whole numbers. */
function targetOf(truth: Volume, dense: boolean, { foreground, ignore }: LossOptions): Volume {
  if (foreground) return foregroundOf(labelsOf(truth), ignore);
  return dense ? truth : labelsOf(truth);
}

export async function lossOf(one: Case, options: LossOptions): Promise<LossResult> {
  if (extensionOf(one.pred) === '.png') {
    throw new CaseError(
      `${one.pred} is a PNG, which holds whole numbers; expected logits or probabilities, in a .npy or NIfTI file.`,
    );
  }
  const [truth, read] = [await readVolume(one.truth), await readVolume(one.pred)];
  const { pred, truth: aligned, shape, dataFormat, dense, reoriented } = layoutOf(read, truth, options.axes);
  const target = targetOf(aligned, dense, options).data;
  try {
    const loss = lossFromJSON(withFormat(options.loss, dataFormat));
    const { value, terms, perClass, classes } = loss.evaluate(floats(pred.data), target, { shape });
    return {
      shape,
      value,
      ...(terms && { terms }),
      ...(perClass && { perClass: [...perClass] }),
      classes,
      notes: reoriented ? [REORIENTED] : [],
    };
  } catch (error) {
    const message = messageOf(error);
    const fix = message.includes('divide by 255') ? ' (--foreground counts any label but 0 as 1)' : '';
    throw new CaseError(`${one.pred} against ${one.truth}: ${message}${fix}.`);
  }
}
