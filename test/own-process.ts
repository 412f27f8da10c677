/** Code in a fresh process, for what is chosen once per process. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('..', import.meta.url));

/** What a module in the repository's root logs as JSON, line by line. */
export function logged(script: string, flags: readonly string[] = []): unknown[] {
  const args = [...flags, '--import', 'tsx', '--input-type=module', '-e', script];
  const out = execFileSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}
