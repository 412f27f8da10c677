/**
 * What each promised runtime runs: a value and a gradient known by hand, as text that goes into any of them.
 *
 * Logits 0 and ln 3 have the probabilities 1/2 and 3/4; with targets 1 and 0 the cross-entropy is the mean of ln 2 and
 * ln 4, its gradient (1/2 − 1)/2 and (3/4 − 0)/2; rounded, since the builds differ in the last bits.
 */
export const PROGRAM = `({ binaryCrossEntropyLoss, diceLoss, weightedSum }) => {
  const call = { shape: [1, 1, 2] };
  const pred = new Float32Array([0, Math.log(3)]);
  const target = new Uint8Array([1, 0]);
  const round = (x) => Math.round(x * 1e5) / 1e5;
  const { value, grad } = binaryCrossEntropyLoss().valueAndGrad(pred, target, call);
  const dice = diceLoss({ smooth: 0 }).value(pred, target, call);
  const sum = weightedSum([[1, binaryCrossEntropyLoss()], [2, diceLoss({ smooth: 0 })]]).value(pred, target, call);
  return { value: round(value), grad: Array.from(grad, round), dice: round(dice), sum: round(sum) };
}`;

const round = (x: number): number => Math.round(x * 1e5) / 1e5;
const value = (3 * Math.LN2) / 2;
// 1 − 2·tp/(p + g) with tp = 1/2, p = 5/4, g = 1.
const dice = 1 - 1 / 2.25;

export const EXPECTED = {
  value: round(value),
  grad: [-0.25, 0.375],
  dice: round(dice),
  sum: round(value + 2 * dice),
};
