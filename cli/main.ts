#!/usr/bin/env node
/** The command line: its arguments, and which code it exits with. */
import { readFileSync } from 'node:fs';
import tab from '@bomb.sh/tab/commander';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { benchCommand } from './bench.js';
import { checkCommand } from './check.js';
import { EXIT, messageOf, UsageError } from './errors.js';
import { evalCommand } from './eval.js';
import { BENCH_HELP, CHECK_HELP, EVAL_HELP, LOSS_HELP, MAIN_HELP } from './help.js';
import { lossCommand } from './loss.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

interface Range {
  readonly integer?: boolean;
  readonly min?: number;
  readonly max?: number;
}

function number({ integer = false, min = -Infinity, max = Infinity }: Range = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max && (!integer || Number.isInteger(value)))
      return value;
    const range = max < Infinity ? ` from ${min} to ${max}` : min > -Infinity ? ` of ${min} or more` : '';
    throw new InvalidArgumentError(`Expected ${integer ? 'a whole number' : 'a number'}${range}.`);
  };
}

const numbers =
  (range: Range) =>
  (text: string): number[] =>
    text.split(',').map(number(range));

const program = new Command('segloss')
  .description('Scores and losses of image segmentations: NIfTI, NumPy and PNG files.')
  .version(version, '-V, --version', 'print the version')
  .helpCommand(false)
  .configureHelp({ showGlobalOptions: false })
  // Of all commands made below; usage mistakes have a code of their own.
  .exitOverride()
  .showHelpAfterError('(segloss --help shows how it is used)')
  .addHelpText('after', MAIN_HELP);

const files = (command: Command): Command =>
  command
    .argument('<pred>', 'the prediction, or a folder of predictions')
    .argument('<truth>', 'the truth, or a folder of truths')
    .option(
      '--pred-pattern <path>',
      "where the case's name is in the path of a prediction, such as '{case}_pred'",
    )
    .option('--truth-pattern <path>', "the same for a truth, such as '{case}/lesion'");

const output = (command: Command): Command =>
  command
    .addOption(new Option('--json', 'JSON lines on stdout, one a case').conflicts('csv'))
    .option('--csv', 'comma-separated values on stdout')
    .option('--jobs <n>', 'workers (default: the processors, at most 4)', number({ integer: true, min: 1 }))
    .option('--resume <file>', 'append each finished case to this file, and skip those that it holds')
    .option('--progress', 'a bar on stderr with the time left (default: when that is a terminal)')
    .option('--no-progress', 'no bar');

let code: number = EXIT.ok;
const run =
  <A extends unknown[]>(command: (...args: A) => number | Promise<number>) =>
  async (...args: A): Promise<void> => {
    code = await command(...args);
  };

const evaluation = files(
  program.command('eval').description('score a label map against the truth, label by label'),
)
  .option('--threshold <t>', 'the prediction holds numbers: 1 where they are t or more', number())
  .option('--foreground', 'every label but 0 counts as 1, in both')
  .option(
    '--ignore <label>',
    'leave out the voxels where the truth holds this label',
    number({ integer: true }),
  )
  .option('--labels <file>', 'names of the labels, JSON: {"1": "lesion"}')
  .option('--background', 'score label 0 too')
  .addOption(
    new Option(
      '--empty <how>',
      'the score of a label where it is 0/0: nan and zero and one say what it is; skip leaves out every label that the truth lacks',
    )
      .choices(['nan', 'skip', 'zero', 'one'])
      .default('nan'),
  )
  .option(
    '--surface',
    'surface distances, in the units of the spacing: Hausdorff, HD 95, average, surface Dice',
  )
  .addOption(new Option('--surfels', 'the same, of surfaces weighed by area').conflicts('surface'))
  .option('--tolerance <d>', 'of the surface Dice', number({ min: 0 }), 1)
  .option(
    '--spacing <list>',
    "distances of neighbours along each axis, such as 1,1,3 (default: the file's)",
    numbers({ min: Number.MIN_VALUE }),
  )
  .option('--lesions', 'lesions found, missed and falsely reported')
  .option(
    '--connectivity <n>',
    'neighbours that belong to a lesion: 6, 18 or 26 (default); in pictures 4 or 8 (default)',
    number({ integer: true }),
  )
  .option(
    '--min-overlap <f>',
    'how much of a lesion must be covered (default: one voxel)',
    number({ min: 0, max: 1 }),
  )
  .option('--min-dice <d>', 'exit with 1 if the mean Dice of a case is lower', number({ min: 0, max: 1 }));
output(evaluation).addHelpText('after', EVAL_HELP).action(run(evalCommand));

const loss = files(
  program.command('loss').description('the loss of logits or probabilities against the truth'),
)
  .requiredOption('--loss <json>', 'the loss, or a file that holds it')
  .option(
    '--axes <letters>',
    'of a .npy prediction: N samples, C classes, others space, such as NCHW (default: by the shapes)',
  )
  .option('--foreground', 'every label of the truth but 0 counts as 1');
output(loss).addHelpText('after', LOSS_HELP).action(run(lossCommand));

program
  .command('bench')
  .description('time the losses on this machine, against plain TypeScript')
  .option('--case <text>', 'only the cases whose name holds this text', '')
  .option('--seconds <s>', 'for each row', number({ min: 0.01 }), 0.5)
  .option('--json', 'JSON lines')
  .addHelpText('after', BENCH_HELP)
  .action(run(benchCommand));

program
  .command('check')
  .description('check the gradient and the contract of a loss of your own')
  .argument('<file>', 'an ES module that exports the loss')
  .option('--export <name>', 'which export (default: the first that is a loss, or makes one)')
  .option('--channels <list>', 'channels to try', numbers({ integer: true, min: 1, max: 64 }), [1, 3])
  .option('--probabilities', 'it takes probabilities, not logits')
  .option('--against <json>', 'a loss of the package that it should equal')
  .option('--tolerance <t>', 'of the gradient, relative to its largest entry', number({ min: 0 }), 1e-3)
  .option('--json', 'JSON lines')
  .addHelpText('after', CHECK_HELP)
  .action(run(checkCommand));

tab(program);

// A reader such as head that has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) code = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof UsageError) {
    console.error(error.message);
    code = EXIT.usage;
  } else {
    console.error(
      `segloss failed by a fault of its own; please report it: ${error instanceof Error ? error.stack : messageOf(error)}`,
    );
    code = EXIT.fault;
  }
}
process.exitCode = code;
