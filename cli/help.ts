/** What `--help` says below the options. */

const CODES = `
Exit codes: 0 done, 1 below --min-dice or a check failed, 2 wrong usage, 3 some case failed, 4 a fault of segloss.`;

export const MAIN_HELP = `
Examples:
  $ segloss eval pred.nii.gz truth.nii.gz
  $ segloss eval predictions/ truths/ --labels names.json --csv > scores.csv
  $ segloss loss logits.npy truth.npy --loss '{"name":"diceLoss"}'
  $ segloss check ./my-loss.mjs
  $ segloss bench
  $ segloss eval --help
${CODES}`;

export const EVAL_HELP = `
Files: .nii, .nii.gz, .npy, .npy.gz, .png; in folders they match by their path without the extension.

Examples:
  $ segloss eval pred.nii.gz truth.nii.gz --surface --lesions
  $ segloss eval logits.nii.gz truth.nii.gz --threshold 0 --min-dice 0.8
  $ segloss eval mask.png truth.png --ignore 255
  $ segloss eval predictions/ truths/ --jobs 4 --resume results.jsonl
  $ segloss eval out/ data/ --pred-pattern '{case}_pred' --truth-pattern '{case}/lesion' --json
${CODES}`;

export const LOSS_HELP = `
The prediction: a .nii(.gz) of x, y, z or x, y, z, classes; a .npy of samples, classes, height, width, say, or without
samples, or classes last. The truth: labels, or one value for each of the prediction's.

Examples:
  $ segloss loss logits.nii.gz truth.nii.gz --loss '{"name":"diceLoss"}'
  $ segloss loss probabilities.npy truth.npy --axes NHWC --loss '{"name":"focalLoss","options":{"activation":"none"}}'
  $ segloss loss logits/ truths/ --loss dice-and-ce.json --json
${CODES}`;

export const BENCH_HELP = `
Each answer is checked against the others before it is timed. Times are milliseconds of a call.

Examples:
  $ segloss bench --case focal
  $ segloss bench --seconds 2 --json`;

export const CHECK_HELP = `
A loss is an object with value(pred, target, { shape }) and valueAndGrad(pred, target, { shape }) → { value, grad }, with
pred of [samples, channels, height, width] and a target of labels; or a function that makes one.

Examples:
  $ segloss check ./my-loss.mjs
  $ segloss check ./my-loss.mjs --export focal --channels 1 --against '{"name":"focalLoss"}'
  $ segloss check ./my-loss.mjs --probabilities --channels 4
${CODES}`;
