/** The losses of the article, with its own settings where it gives them. */
import {
  binaryCrossEntropyLoss,
  diceLoss,
  focalLoss,
  focalTverskyLoss,
  generalizedDiceLoss,
  jaccardLoss,
  type Loss,
  sensitivitySpecificityLoss,
  tverskyLoss,
  weightedSum,
} from 'segloss';

export interface Contestant {
  readonly title: string;
  readonly loss: Loss;
  /** Reads two channels, background (logit 0) and lesion. */
  readonly twoClasses?: boolean;
}

/** `imbalance`: background voxels for each lesion voxel in the training data. */
export function contestants(imbalance: number): Contestant[] {
  const tversky = { fpWeight: 0.3, fnWeight: 0.7, smooth: 1, aggregate: 'batch' } as const;
  return [
    { title: 'log loss', loss: binaryCrossEntropyLoss() },
    { title: 'weighted cross-entropy', loss: binaryCrossEntropyLoss({ positiveWeight: imbalance }) },
    { title: 'focal, sum', loss: focalLoss({ gamma: 2, alpha: 0.25, reduction: 'sum' }) },
    { title: 'focal, mean', loss: focalLoss({ gamma: 2, alpha: 0.25 }) },
    { title: 'Dice', loss: diceLoss({ smooth: 1 }) },
    { title: 'IoU', loss: jaccardLoss({ smooth: 1e-6 }) },
    { title: 'Tversky', loss: tverskyLoss(tversky) },
    { title: 'focal Tversky', loss: focalTverskyLoss({ ...tversky, power: 0.75 }) },
    {
      title: 'sensitivity-specificity',
      loss: sensitivitySpecificityLoss({ sensitivityWeight: 0.05, aggregate: 'batch' }),
    },
    {
      title: 'generalized Dice',
      loss: generalizedDiceLoss({
        aggregate: 'batch',
        absentClass: { epsilon: 1e-6 },
        dataFormat: 'channelsLast',
      }),
      twoClasses: true,
    },
    {
      title: 'Dice + cross-entropy',
      loss: weightedSum([
        [1, diceLoss({ smooth: 1 })],
        [1, binaryCrossEntropyLoss()],
      ]),
    },
  ];
}
