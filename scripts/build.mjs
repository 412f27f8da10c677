/** Compiles ts/ to dist/, copies the core beside it and bundles the command line. Does nothing when dist/ is newer than everything it is from. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';
import { buildCli } from './build-cli.mjs';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const COPIED = /glue\.(js|d\.ts)$|\.wasm$/;

function newest(folder) {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    }),
  );
}

/** Removes the declarations that no public one imports, directly or not: nobody could name what is in them. */
function dropUnreachable(folder) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const reached = new Set(
    Object.values(exports).flatMap(({ types }) =>
      types ? [join(folder, types.replace('./dist/', ''))] : [],
    ),
  );
  // A set's loop also visits what is added on the way.
  for (const file of reached) {
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
      reached.add(join(dirname(file), `${path}.d.ts`));
    }
  }
  const declarations = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.d.ts'));
  for (const name of declarations) if (!reached.has(join(folder, name))) rmSync(join(folder, name));
}

const folders = ['ts', 'cli', 'bench'].map((folder) => newest(join(root, folder)));
const files = ['tsconfig.build.json', 'scripts/build-cli.mjs'].map(
  (file) => statSync(join(root, file)).mtimeMs,
);
const sources = Math.max(...folders, ...files);
const done = join(dist, 'index.js');
if (!existsSync(done) || statSync(done).mtimeMs < sources) {
  // Built aside and moved: a failed build leaves no half of a dist/, and a reader never sees one.
  mkdirSync(join(root, 'target'), { recursive: true });
  const aside = mkdtempSync(join(root, 'target', 'dist-'));
  try {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', aside];
    execFileSync(process.execPath, args, { stdio: 'inherit' });
    // The declarations carry the docstrings; the code need not carry them again.
    for (const name of readdirSync(aside, { recursive: true }).filter((name) => name.endsWith('.js'))) {
      const path = join(aside, name);
      writeFileSync(path, transformSync(readFileSync(path, 'utf8'), { target: 'es2022' }).code);
    }
    mkdirSync(join(aside, 'core'), { recursive: true });
    const copied = readdirSync(join(root, 'ts', 'core')).filter((name) => COPIED.test(name));
    for (const name of copied) copyFileSync(join(root, 'ts', 'core', name), join(aside, 'core', name));
    dropUnreachable(aside);
    await buildCli(root, aside);
    rmSync(dist, { recursive: true, force: true });
    renameSync(aside, dist);
  } catch (error) {
    // The compiler has said what is wrong.
    if (error.status === undefined) throw error;
    process.exitCode = 1;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
