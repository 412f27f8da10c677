/**
 * All tests, two parts at a time, since no part keeps two cores busy to its end; the last line sums them up.
 *
 * Arguments choose parts: `npm test -- simd128 cargo`. `--exhaustive` also runs the tests over every float (minutes).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cargo, chromium } from './toolchain.mjs';

const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const exhaustive = process.argv.includes('--exhaustive');
const chosen = process.argv.slice(2).filter((argument) => argument !== '--exhaustive');
const INSTALLS = 'scripts/ci/toolchain.sh installs one';

/** Runs a program, its output shown line by line as it comes; resolves to its exit code and what it wrote to stdout. */
function run(command, args, env = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`;
    console.log(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => console.error(line));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

const skip = (name, reason) => ({ passed: 0, failed: 0, skipped: [{ name, reason }] });

async function vitestProject(project) {
  const folder = mkdtempSync(join(tmpdir(), 'segloss-test-'));
  const file = join(folder, 'counts.json');
  try {
    const reporters = ['--reporter=default', '--reporter=./scripts/count-reporter.mjs'];
    const { code } = await run(process.execPath, [vitest, 'run', '--project', project, ...reporters], {
      COUNTS_FILE: file,
    });
    const counts = JSON.parse(readFileSync(file, 'utf8'));
    // Vitest also fails for reasons that belong to no test, such as a project without test files.
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  } catch (error) {
    console.error(`vitest --project ${project} reported nothing: ${error.message}`);
    return { passed: 0, failed: 1, skipped: [] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `cargo test` with these arguments. */
async function cargoTest(args, flags) {
  const env = { ...cargo().env, ...(flags && { RUSTFLAGS: flags, CARGO_TARGET_DIR: join('target', 'fma') }) };
  const { code, output } = await run('cargo', ['test', '--no-fail-fast', ...args], env);
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const [, passed, failed] of output.matchAll(/^test result: .*? (\d+) passed; (\d+) failed;/gm)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
  }
  for (const [, name, reason] of output.matchAll(/^test (\S+) \.\.\. ignored(?:, (.*))?$/gm)) {
    counts.skipped.push({ name, reason });
  }
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function rust() {
  const { missing } = cargo();
  if (missing) return skip('Rust tests', `${missing}; ${INSTALLS}`);
  const usual = await cargoTest([]);
  if (!exhaustive) return usual;
  const everyFloat = ['--release', '--', '--ignored', '--show-output'];
  const runs = [{ ...usual, skipped: [] }, await cargoTest(everyFloat)];
  // The stated bounds hold for both roundings of a multiply-add.
  if (/\bfma\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) {
    runs.push(await cargoTest(everyFloat, '-C target-feature=+fma'));
  } else {
    runs.push(skip('every float with fused multiply-add', `${cpus()[0].model} has none`));
  }
  return sum(runs);
}

function sum(results) {
  return {
    passed: results.reduce((total, { passed }) => total + passed, 0),
    failed: results.reduce((total, { failed }) => total + failed, 0),
    skipped: results.flatMap(({ skipped }) => skipped),
  };
}

const parts = {
  simd128: () => vitestProject('simd128'),
  cargo: rust,
  relaxed: () => vitestProject('relaxed'),
  browser: () =>
    chromium() ? vitestProject('browser') : skip('browser tests', `no Chromium found; ${INSTALLS}`),
  cli: () => vitestProject('cli'),
  package: () => vitestProject('package'),
};
const unknown = chosen.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(1);
}

// Parts that run beside each other need it, and must not make it at once.
const built = await run(process.execPath, [join(root, 'scripts', 'build.mjs')]);
if (built.code !== 0) process.exit(1);

const names = Object.keys(parts).filter((name) => chosen.length === 0 || chosen.includes(name));
const done = new Map();
const waiting = [...names];
async function runParts() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const start = performance.now();
    const result = await parts[name]();
    done.set(name, { ...result, seconds: (performance.now() - start) / 1000 });
  }
}
await Promise.all([runParts(), runParts()]);

const results = names.map((name) => done.get(name));
const table = names.map((name) => {
  const { passed, failed, skipped, seconds } = done.get(name);
  const counts = `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
  return `${name.padEnd(8)} ${counts}  (${seconds.toFixed(0)} s)`;
});
const total = sum(results);
console.log('\n' + table.join('\n'));
for (const { name, reason = 'no reason given' } of total.skipped) console.log(`skipped ${name}: ${reason}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
