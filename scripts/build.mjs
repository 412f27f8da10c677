/** Compiles ts/ to dist/ and copies the core beside it. Does nothing when dist/ is newer than everything it is from. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

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

const sources = Math.max(newest(join(root, 'ts')), statSync(join(root, 'tsconfig.build.json')).mtimeMs);
const done = join(dist, 'index.js');
if (!existsSync(done) || statSync(done).mtimeMs < sources) {
  rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  mkdirSync(join(dist, 'core'), { recursive: true });
  for (const name of readdirSync(join(root, 'ts', 'core')).filter((name) => COPIED.test(name))) {
    copyFileSync(join(root, 'ts', 'core', name), join(dist, 'core', name));
  }
}
