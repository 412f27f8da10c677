/** The table and what it says, from the numbers alone. */
import type { HeldOut, Outcome } from './training.js';

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** The mean over the held-out patients. */
const over = (outcome: Outcome, of: (patient: HeldOut) => number): number => mean(outcome.heldOut.map(of));

/** Mean change of the held-out Dice from one look to the next, over the second half of training. */
export function restlessness({ curve, heldOut }: Outcome): number {
  const changes = heldOut.flatMap(({ name }) => {
    const dice = curve.filter(({ patient }) => patient === name).map((point) => point.dice);
    const half = dice.slice(dice.length >> 1);
    return half.slice(1).map((d, i) => Math.abs(d - half[i]!));
  });
  return mean(changes);
}

export function table(outcomes: readonly Outcome[], tinyCount: number): string {
  const names = outcomes[0]?.heldOut.map(({ name }) => `Dice ${name.replace(/\D+/, '')}`) ?? [];
  const head = [
    'loss',
    ...names,
    'best',
    'sens',
    'spec',
    `tiny/${tinyCount}`,
    'grad on lesion',
    'ms/step',
    'in loss',
  ];
  const rows = outcomes.map((outcome) => [
    outcome.title,
    ...outcome.heldOut.map(({ dice }) => dice.toFixed(3)),
    over(outcome, ({ bestDice }) => bestDice).toFixed(3),
    over(outcome, ({ sensitivity }) => sensitivity).toFixed(3),
    over(outcome, ({ specificity }) => specificity).toFixed(4),
    String(outcome.heldOut.reduce((sum, { tinyFound }) => sum + tinyFound, 0)),
    `${(100 * outcome.lesionShare).toFixed(1)} %`,
    outcome.stepMs.toFixed(2),
    `${((100 * outcome.lossMs) / outcome.stepMs).toFixed(1)} %`,
  ]);
  const widths = head.map((title, k) => Math.max(title.length, ...rows.map((row) => row[k]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, k) => (k === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export const LEGEND = [
  'Dice: of the lesion at threshold 0.5, per held-out patient. best: mean Dice at the threshold that is best for each',
  'patient (it looks at the answer). sens, spec: means over the patients, of brain voxels. tiny: lesions of at most 20',
  "voxels touched. grad on lesion: share of the first step's summed |gradient|. in loss: share of a step's time.",
  'One run of one small network: another seed, start or number of steps changes the order (--seed, --steps).',
].join('\n');

/** What the article claims, held against the numbers of this run. */
export function findings(outcomes: readonly Outcome[], tinyCount: number): string[] {
  const of = (title: string): Outcome => outcomes.find((outcome) => outcome.title === title)!;
  const dice = (outcome: Outcome): number => over(outcome, (patient) => patient.dice);
  const tiny = (outcome: Outcome): number =>
    outcome.heldOut.reduce((sum, { tinyFound }) => sum + tinyFound, 0);
  const [log, overlap, generalized] = [of('log loss'), of('Dice'), of('generalized Dice')];
  const [sum, average] = [of('focal, sum'), of('focal, mean')];

  const blind =
    tiny(log) < tiny(overlap)
      ? 'more blind to them than'
      : tiny(log) > tiny(overlap)
        ? 'less blind to them than'
        : 'as blind to them as';
  const most = outcomes.reduce((a, b) => (tiny(b) > tiny(a) ? b : a));
  const ranked = [...outcomes].sort((a, b) => restlessness(b) - restlessness(a));
  const place = (outcome: Outcome): number => ranked.indexOf(outcome) + 1;
  const best = Math.max(...outcomes.map(dice)).toFixed(3);
  const winners = outcomes.filter((outcome) => dice(outcome).toFixed(3) === best);
  const range = (values: readonly number[]): string =>
    `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`;

  return [
    `"Log loss is blind to tiny lesions": of ${tinyCount} tiny lesions log loss touched ${tiny(log)} and Dice ${tiny(overlap)}, so here it is ` +
      `${blind} Dice. The most, ${tiny(most)}, were touched by ${most.title}, at a specificity of ${over(most, (p) => p.specificity).toFixed(4)}.`,
    `"Dice and generalized Dice are unstable": in the second half of training the held-out Dice moved from look to look by ` +
      `${restlessness(overlap).toFixed(4)} with Dice, ${restlessness(generalized).toFixed(4)} with generalized Dice and ${restlessness(log).toFixed(4)} with log loss ` +
      `(places ${place(overlap)}, ${place(generalized)} and ${place(log)} of ${outcomes.length} by restlessness; first: ${ranked[0]!.title}).`,
    `"Focal is very large when summed": its first value is ${sum.firstLoss.toPrecision(4)}, ${Math.round(sum.firstLoss / average.firstLoss)} times its mean ` +
      `${average.firstLoss.toPrecision(3)}; Adam does not mind the factor: the mean Dice is ${dice(sum).toFixed(3)} and ${dice(average).toFixed(3)}.`,
    `The best mean Dice at threshold 0.5 is ${best}, by ${winners.map(({ title }) => title).join(' and ')}. At 0.5 the losses lie at ${range(outcomes.map(dice))}, ` +
      `each at its best threshold at ${range(outcomes.map((outcome) => over(outcome, (p) => p.bestDice)))}.`,
  ];
}
