import {
  backend,
  binaryCrossEntropyLoss,
  checkGradient,
  crossEntropyLoss,
  diceLoss,
  lossFromJSON,
  regionLoss,
  setup,
  ShapeError,
  Sums,
  weightedSum,
} from 'segloss';
import type { Evaluation, Loss, LossCall, LossConfig, Prediction, Target } from 'segloss';
import * as article from 'segloss/compat/article';
import { Tversky } from 'segloss/compat/keras';
import { dice_loss } from 'segloss/compat/kornia';
import { DiceCELoss } from 'segloss/compat/monai';
import { DC_and_CE_loss } from 'segloss/compat/nnunet';
import { sigmoid_focal_loss } from 'segloss/compat/optax';
import { TverskyLoss } from 'segloss/compat/smp';
import { CrossEntropyLoss } from 'segloss/compat/torch';
import * as geometric from 'segloss/geometric';
import * as metrics from 'segloss/metrics';
import { createPool, type Pool, type PoolWorker } from 'segloss/pool';

setup({ simd: 'auto' });
const simd: 'simd128' | 'relaxed' | 'custom' = backend().simd;

const call: LossCall = { shape: [1, 2, 2], mask: [1, 1], out: new Float32Array(4) };
const loss: Loss = weightedSum([
  [1, diceLoss({ smooth: 1e-5, average: 'micro' })],
  [0.5, crossEntropyLoss({ ignoreIndex: 255, classWeights: [1, 2] })],
]);
const pred: Prediction = new Float64Array(4);
const target: Target = new Uint8Array(2);
const { value, grad }: { value: number; grad: Float32Array } = loss.valueAndGrad(pred, target, call);
const evaluation: Evaluation = loss.evaluate(pred, target, call);

const sums: Sums = loss.accumulate(pred, target, { shape: [1, 2, 2], sample: 0 });
const merged: number = loss.valueFrom(sums.merge(Sums.from(JSON.parse(JSON.stringify(sums)))));
const config: LossConfig = loss.toJSON();
const same: Loss = lossFromJSON(config);

const own = regionLoss(
  'own',
  ({ tp, p, g }, { weight }) => ({
    value: 1 - (weight * tp) / (p + g),
    partials: { tp: -weight / (p + g) },
  }),
  { weight: 2 },
);
const checked = checkGradient(own({ weight: 1, classes: [1] }), pred, target, { shape: [1, 2, 2] });

// @ts-expect-error a name no loss has
diceLoss({ smoothing: 1 });
// @ts-expect-error a plain array
binaryCrossEntropyLoss().value([0], new Uint8Array(1), { shape: [1, 1] });

export const half = (
  array: { [index: number]: number } & ArrayBufferView & {
      readonly length: number;
      readonly [Symbol.toStringTag]: 'Float16Array';
    },
): number => loss.value(array, target, call);

const peers: Loss[] = [
  DiceCELoss({ softmax: true, to_onehot_y: true }),
  TverskyLoss({ mode: 'multiclass', alpha: 0.3, beta: 0.7 }),
  CrossEntropyLoss({ weight: [1, 2], ignore_index: 255 }),
  Tversky({ alpha: 0.3, beta: 0.7 }),
  dice_loss({ average: 'micro' }),
  sigmoid_focal_loss({ gamma: 2 }),
  DC_and_CE_loss({ soft_dice_kwargs: { batch_dice: true }, ce_kwargs: {} }),
];
// @ts-expect-error smp's modes are three
TverskyLoss({ mode: 'multi' });

export {
  article,
  checked,
  evaluation,
  geometric,
  grad,
  merged,
  metrics,
  peers,
  same,
  ShapeError,
  simd,
  value,
};

export async function together(worker: () => PoolWorker): Promise<number> {
  const pool: Pool = await createPool({ threads: 2, worker });
  const { value, grad: fresh }: { value: number; grad: Float32Array } = await pool.valueAndGrad(
    loss,
    pred,
    target,
    call,
  );
  const parts: Sums = await pool.accumulate(loss, pred, target, call);
  await pool.close();
  return value + fresh.length + parts.channels;
}
