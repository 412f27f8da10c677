/** The declarations of the installed tarball, type-checked as a strict user without DOM types sees them. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

const compilers = ['typescript-5.4', 'typescript-latest'];
const resolutions = [
  { moduleResolution: 'bundler', module: 'esnext' },
  { moduleResolution: 'node16', module: 'node16' },
];
const cases = compilers.flatMap((compiler) => resolutions.map((resolution) => ({ compiler, ...resolution })));

test.each(cases)('$compiler, moduleResolution $moduleResolution', ({ compiler, ...resolution }) => {
  const folder = mkdtempSync(join(inject('consumer'), 'types-'));
  copyFileSync(join(import.meta.dirname, 'consumer', 'index.ts'), join(folder, 'index.ts'));
  const compilerOptions = {
    ...resolution,
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  };
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  const tsc = join(root, 'node_modules', compiler, 'bin', 'tsc');
  let errors = '';
  try {
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    errors = (error as { stdout: string }).stdout;
  }
  expect(errors).toBe('');
});
