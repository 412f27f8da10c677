/** Packs the package and installs the tarball into an empty folder, as a user would; once for all package tests. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder whose node_modules holds the installed package. */
    consumer: string;
    tarball: { bytes: number; files: string[] };
  }
}

const root = join(import.meta.dirname, '..', '..');

function npm(cwd: string, ...args: string[]): string {
  // The outer npm's settings (such as --prefix) must not reach the inner one.
  const env = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const shell = process.platform === 'win32';
  return execFileSync('npm', args, { cwd, encoding: 'utf8', env: Object.fromEntries(env), shell });
}

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'segloss-package-'));
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
  const [packed] = JSON.parse(
    npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as [{ filename: string; size: number; files: { path: string }[] }];
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // Offline: a package without dependencies needs no registry.
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', `./${packed.filename}`);
  project.provide('consumer', folder);
  project.provide('tarball', { bytes: packed.size, files: packed.files.map(({ path }) => path) });
  return () => {
    rmSync(folder, { recursive: true });
  };
}
