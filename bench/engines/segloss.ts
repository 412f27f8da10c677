/** The package as it is shipped: one engine for each build of the core. */
import { copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Loss, SharedOptions } from 'segloss';
import type { Engine, Formula } from '../cases.js';

export type Package = typeof import('segloss');

const LOSSES: Record<Formula, (segloss: Package, options: SharedOptions) => Loss> = {
  binaryCrossEntropy: (segloss, options) => segloss.binaryCrossEntropyLoss(options),
  sigmoidDice: (segloss, options) => segloss.diceLoss(options),
  sigmoidFocal: (segloss, options) => segloss.focalLoss(options),
  crossEntropy: (segloss, options) => segloss.crossEntropyLoss(options),
  softmaxDice: (segloss, options) => segloss.diceLoss(options),
  softmaxFocal: (segloss, options) => segloss.focalLoss(options),
  lovaszSoftmax: (segloss, options) => segloss.lovaszSoftmaxLoss(options),
  diceCrossEntropy: (segloss, options) =>
    segloss.weightedSum([
      [1, segloss.diceLoss(options)],
      [1, segloss.crossEntropyLoss(options)],
    ]),
};

export function seglossEngine(segloss: Package): Engine {
  return {
    name: `segloss ${segloss.backend().simd}`,
    prepare({ formula, shape, channelsLast = false, pred, target }) {
      const loss = LOSSES[formula](segloss, { dataFormat: channelsLast ? 'channelsLast' : 'channelsFirst' });
      return (out) =>
        out ? loss.valueAndGrad(pred, target, { shape, out }).value : loss.value(pred, target, { shape });
    },
  };
}

/** A process runs one build per module instance, so each build is loaded from a copy of its own. */
export async function loadBuild(root: string, simd: 'auto' | 'simd128' | 'relaxed'): Promise<Package> {
  const copy = mkdtempSync(join(tmpdir(), 'segloss-bench-'));
  try {
    copyFileSync(join(root, 'package.json'), join(copy, 'package.json'));
    cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true });
    const segloss = (await import(pathToFileURL(join(copy, 'dist', 'index.js')).href)) as Package;
    segloss.setup({ simd });
    return segloss;
  } finally {
    rmSync(copy, { recursive: true });
  }
}
