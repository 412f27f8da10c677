/**
 * The packed tarball, installed as a user would, in every runtime that is promised and through every usual bundler: the
 * first case of each fixture and a call of everything else. Writes the table of docs/runtimes.md; --check does not.
 *
 * Installs the runtimes from npm into target/runtimes (1.1 GB, once; scripts/runtimes/tools.json names the versions).
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { chromium } from '../toolchain.mjs';
import { openBrowser } from './browser.mjs';
import { bundlers } from './bundles.mjs';
import { ENTRIES } from './entries.mjs';

const root = join(import.meta.dirname, '..', '..');
const tools = join(root, 'target', 'runtimes');
const page = join(root, 'docs', 'runtimes.md');
const execute = promisify(execFile);

/** The outer npm's settings must not reach the inner one. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
const npm = (cwd, ...args) => execFileSync('npm', args, { cwd, env, encoding: 'utf8' });

function installTools() {
  const wanted = readFileSync(join(import.meta.dirname, 'tools.json'), 'utf8');
  const manifest = join(tools, 'package.json');
  const done = join(tools, 'node_modules', '.package-lock.json');
  if (existsSync(done) && readFileSync(manifest, 'utf8') === wanted) return;
  mkdirSync(tools, { recursive: true });
  writeFileSync(manifest, wanted);
  // Binaries come as packages of their own; scripts would only fetch them again.
  npm(tools, 'install', '--ignore-scripts', '--no-audit', '--no-fund');
}

/** The first case of every fixture. */
function fixtures() {
  const folder = join(root, 'test', 'oracle');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.json'),
  );
  return files.sort().map((path) => {
    const { loss, tolerance, cases } = JSON.parse(readFileSync(join(folder, path), 'utf8'));
    return {
      door: dirname(path) === '.' ? 'segloss' : basename(dirname(path)),
      loss,
      tolerance,
      first: cases[0],
    };
  });
}

/** A folder with the tarball installed and the program beside it. */
function installPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'segloss-runtimes-'));
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });
  const [{ filename }] = JSON.parse(
    npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  );
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // Offline: a package without dependencies needs no registry.
  npm(folder, 'install', '--offline', '--no-audit', '--no-fund', `./${filename}`);
  copyFileSync(join(import.meta.dirname, 'program.mjs'), join(folder, 'program.mjs'));
  writeFileSync(join(folder, 'fixtures.mjs'), `export const fixtures = ${JSON.stringify(fixtures())};\n`);
  for (const [name, text] of Object.entries(ENTRIES)) writeFileSync(join(folder, name), text);
  return folder;
}

const tool = (...path) => join(tools, 'node_modules', ...path);
const BINARIES = {
  bun: tool('@oven', 'bun-linux-x64', 'bin', 'bun'),
  deno: tool('@deno', 'linux-x64-glibc', 'deno'),
  workerd: tool('@cloudflare', 'workerd-linux-64', 'bin', 'workerd'),
};
const printed = async (cwd, program, ...args) => (await execute(program, args, { cwd, env })).stdout;
const versionOf = async (program) => /\d[\d.-]*\d/.exec(await printed(root, program, '--version'))[0];

/** Runs the package as workers of Cloudflare's runtime do: modules given, one of them the core. */
async function inWorkerd(folder) {
  const wasm = ['simd128.wasm', 'geometry.wasm'];
  await build({
    absWorkingDir: folder,
    entryPoints: ['workerd.mjs'],
    bundle: true,
    format: 'esm',
    outfile: 'out/workerd.js',
    external: ['*.wasm'],
  });
  const installed = join(folder, 'node_modules', 'segloss');
  for (const name of wasm) copyFileSync(join(installed, 'dist', 'core', name), join(folder, 'out', name));
  const modules = wasm.map((name) => `(name = "${name}", wasm = embed "${name}")`);
  writeFileSync(
    join(folder, 'out', 'workerd.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .program)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const program :Workerd.Worker = (
  modules = [(name = "main", esModule = embed "workerd.js"), ${modules.join(', ')}],
  compatibilityDate = "2026-01-01",
);
`,
  );
  // It tells the port it took on the file descriptor asked for.
  const child = spawn(BINARIES.workerd, ['serve', '--control-fd=1', 'out/workerd.capnp'], {
    cwd: folder,
    env,
  });
  let complaints = '';
  child.stderr.on('data', (data) => (complaints += data));
  try {
    const port = await new Promise((resolve, reject) => {
      let output = '';
      child.stdout.on('data', (data) => {
        output += data;
        const found = /"port":\s*(\d+)/.exec(output)?.[1];
        if (found) resolve(found);
      });
      child.on('error', reject);
      child.on('exit', () => reject(new Error(complaints)));
    });
    const response = await fetch(`http://127.0.0.1:${port}/`);
    if (!response.ok) throw new Error(`${response.status}: ${complaints}`);
    return await response.json();
  } finally {
    child.kill();
  }
}

const rows = [];
/** Runs one cell of the matrix and keeps what became of it. */
async function row(runtime, version, how, run) {
  let outcome;
  try {
    const { passed, failed, simd } = await run();
    outcome = {
      ok: failed.length === 0 && passed > 0,
      result: `${passed} of ${passed + failed.length}`,
      simd,
    };
    if (failed.length > 0) console.error(`${runtime}, ${how}:\n  ${failed.join('\n  ')}`);
  } catch (error) {
    console.error(`${runtime}, ${how}: ${error.message}`);
    outcome = { ok: false, result: 'did not run', simd: '' };
  }
  rows.push([runtime, version, how, outcome.simd, `${outcome.result}${outcome.ok ? '' : ', **failed**'}`]);
  if (!outcome.ok) process.exitCode = 1;
  console.log(rows.at(-1).join('  '));
}

async function servers(folder) {
  const json = async (...command) => JSON.parse(await printed(folder, ...command));
  for (const major of [20, 22, 24, 26]) {
    const node = tool(`node${major}`, 'bin', 'node');
    const version = await versionOf(node);
    await row('Node', version, 'import', () => json(node, 'server.mjs'));
    await row('Node', version, 'require', () => json(node, 'server.cjs'));
  }
  await row('Bun', await versionOf(BINARIES.bun), 'import', () => json(BINARIES.bun, 'server.mjs'));
  const deno = [
    BINARIES.deno,
    'run',
    '--no-remote',
    '--node-modules-dir=manual',
    '--allow-read',
    'server.mjs',
  ];
  await row('Deno', await versionOf(BINARIES.deno), 'import', () => json(...deno));
  await row('workerd', await versionOf(BINARIES.workerd), '`setup({ module })`, imported `.wasm`', () =>
    inWorkerd(folder),
  );
}

async function browsers(folder) {
  const executablePath = chromium();
  if (!executablePath) {
    rows.push([
      'Chromium',
      '',
      'page, worker, bundlers',
      '',
      'not found here; scripts/ci/toolchain.sh installs one',
    ]);
    return;
  }
  const made = await bundlers(tools);
  const browser = await openBrowser(folder, executablePath);
  try {
    const chromiumRow = (how, ...run) => row('Chromium', browser.version, how, () => browser.run(...run));
    await chromiumRow('page, no bundler', '/page.mjs');
    await chromiumRow('Web Worker, no bundler', '/start.mjs');
    for (const [name, { version, bundle, worker }] of Object.entries(made)) {
      for (const entry of worker ? ['bundled-page', 'bundled-start'] : ['bundled-page']) {
        const what = entry === 'bundled-page' ? 'page' : 'Web Worker';
        await row('Chromium', browser.version, `${what}, ${name} ${version}`, async () => {
          await bundle(folder, `${entry}.mjs`, join(folder, 'out', name));
          return browser.run(`/out/${name}/${entry}.js`);
        });
      }
    }
    await row('Chromium', browser.version, "page without 'wasm-unsafe-eval': refused", async () => {
      const { failed } = await browser.run('/page.mjs', { stricter: true });
      const refused = failed.some((text) => /Content Security Policy/.test(text));
      return { passed: 1, failed: refused ? [] : ['the policy is not in force'], simd: '' };
    });
  } finally {
    await browser.close();
  }
}

function writeTable() {
  const head = ['runtime', 'version', 'how', 'build', 'checks passed'];
  const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const text = readFileSync(page, 'utf8');
  const [before, after] = [text.split('<!-- table -->')[0], text.split('<!-- end of table -->')[1]];
  writeFileSync(page, `${before}<!-- table -->\n\n${table}\n\n<!-- end of table -->${after}`);
  console.log('wrote docs/runtimes.md');
}

const start = Date.now();
installTools();
const folder = installPackage();
try {
  await servers(folder);
  await browsers(folder);
} finally {
  rmSync(folder, { recursive: true });
}
if (!process.argv.includes('--check')) writeTable();
const bad = rows.filter((cells) => cells[4].includes('failed')).length;
console.log(`${((Date.now() - start) / 1000).toFixed(0)} s`);
console.log(`${rows.length - bad} passed, ${bad} failed`);
