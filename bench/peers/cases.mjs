/** The cases of the peers' table, value + gradient, `memory`: its peak too; and who takes part. */
import { join } from 'node:path';

const IMAGE = [512, 512];

const of = (formula, shapes) =>
  shapes.map((shape) => ({ name: `${formula} ${shape.join('x')}`, formula, shape }));

// Flat spatial dimensions are the same work for every engine.
export const CASES = [
  ...['binaryCrossEntropy', 'sigmoidDice'].flatMap((formula) =>
    of(formula, [
      [1, 1, ...IMAGE],
      [8, 1, 256, 256],
    ]),
  ),
  ...of('sigmoidFocal', [[1, 1, ...IMAGE]]),
  ...['crossEntropy', 'softmaxDice', 'diceCrossEntropy'].flatMap((formula) =>
    of(formula, [
      [1, 4, ...IMAGE],
      [1, 21, ...IMAGE],
    ]),
  ),
  ...of('diceCrossEntropy', [
    [2, 4, 128, 128, 128],
    [1, 105, 96, 96, 96],
  ]).map((volume) => ({ ...volume, memory: true })),
  ...of('diceCrossEntropy', [[1, 4, 8, 8]]),
  ...of('binaryCrossEntropy', [[1, 1, 8, 8]]),
];

const javascript = (name, module, variant, slow = false) => ({
  name,
  slow,
  command: [
    process.execPath,
    ...['--import', 'tsx', '--expose-gc', '--max-old-space-size=8192'],
    ...process.execArgv.filter((flag) => flag.startsWith('--experimental')),
    join(import.meta.dirname, 'child.mjs'),
    ...[module, variant],
  ],
});

/** `PEERS_PYTHON`: the interpreter of an environment with torch and MONAI. */
const python = (name, kind, mode) => ({
  name,
  slow: false,
  command: [process.env.PEERS_PYTHON ?? 'python3', join(import.meta.dirname, 'torch_peer.py'), kind, mode],
});

export const OURS = ['segloss simd128', 'segloss relaxed'];

/** `slow`: sits out what has more than a few million entries. */
export const ENGINES = [
  javascript('segloss simd128', 'ours', 'simd128'),
  javascript('segloss relaxed', 'ours', 'relaxed'),
  javascript('tuned-ts', 'ours', 'tuned-ts'),
  javascript('tfjs wasm', 'tfjs', 'wasm'),
  javascript('tfjs wasm customGrad', 'tfjs', 'wasm customGrad'),
  javascript('tfjs cpu', 'tfjs', 'cpu', true),
  javascript('tfjs cpu customGrad', 'tfjs', 'cpu customGrad', true),
  javascript('jax-js wasm jit', 'jax', 'wasm'),
  javascript('onnxruntime-web', 'onnxruntime', 'web'),
  javascript('onnxruntime-node', 'onnxruntime', 'node'),
  python('torch', 'torch', 'eager'),
  python('torch.compile', 'torch', 'compiled'),
  python('MONAI', 'monai', 'eager'),
  python('MONAI compiled', 'monai', 'compiled'),
];
