/** Finds a Rust toolchain that can build for wasm32, and the other tools of the core. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const TARGET = 'wasm32-unknown-unknown';

/** A program's output, or undefined where it does not run. */
export function tryRun(command, args, options = {}) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      ...options,
    }).trim();
  } catch {
    return undefined;
  }
}

/** Folders that may hold tools, after those of PATH: cargo's own, and the distribution's. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), '.cargo', 'bin'), '/usr/bin'];

/** The first toolchain, in order of FOLDERS, whose sysroot holds the wasm32 standard library. */
export function wasmToolchain() {
  for (const folder of FOLDERS) {
    const rustc = join(folder, 'rustc');
    if (!existsSync(rustc) || !existsSync(join(folder, 'cargo'))) continue;
    const libraries = tryRun(rustc, ['--print', 'target-libdir', '--target', TARGET]);
    if (libraries && existsSync(libraries)) return { folder, sysroot: tryRun(rustc, ['--print', 'sysroot']) };
  }
  return undefined;
}

/** The environment in which that toolchain, wasm-pack and wasm-bindgen are the ones found. */
export function environment(folder) {
  const path = [folder, join(homedir(), '.cargo', 'bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path, RUSTC: join(folder, 'rustc'), CARGO: join(folder, 'cargo') };
}

/** The crate's `rust-version`. */
const OLDEST = [1, 88];

/** The environment in which `cargo` can test the crate natively, or what is `missing`. */
export function cargo() {
  let missing = 'no Rust toolchain found';
  for (const folder of FOLDERS) {
    if (!existsSync(join(folder, 'cargo'))) continue;
    const version = /^rustc (\d+)\.(\d+)/.exec(tryRun(join(folder, 'rustc'), ['--version']) ?? '');
    if (!version) continue;
    const [major, minor] = version.slice(1).map(Number);
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return { env: environment(folder) };
    missing = `${version[0]} is older than ${OLDEST.join('.')}`;
  }
  return { missing };
}

/** A Chromium to test in, or undefined. */
export function chromium() {
  const candidates = [
    process.env.CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ];
  return candidates.find((path) => path && existsSync(path));
}
