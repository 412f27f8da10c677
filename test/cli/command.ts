/** Runs the built command, and writes small files for it to read. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll } from 'vitest';

const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Each line of stdout, read as JSON. */
  readonly json: () => Json[];
}

/** What the tests look at; whatever else is there is there. */
export interface Json {
  readonly case?: string;
  readonly error?: string;
  readonly value: number;
  readonly notes: string[];
  readonly mean: Record<string, number | null>;
  readonly labels: (Record<string, number | string | null> & { label: number })[];
  readonly summary?: { cases: number; failed: number; onlyTruth: string[]; meanDice: number };
  readonly [name: string]: unknown;
}

export async function segloss(
  args: readonly string[],
  cwd?: string,
  nodeArgs: readonly string[] = [],
): Promise<Result> {
  const child = spawn(process.execPath, [...nodeArgs, CLI, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, COLUMNS: '100' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const json = (): Json[] =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json);
  return { code, stdout, stderr, json };
}

/** A folder for the files of a test file, gone afterwards. */
export function scratch(): { folder: string; write: (name: string, bytes: Buffer | string) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'segloss-cli-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const write = (name: string, bytes: Buffer | string): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, name.endsWith('.gz') && Buffer.isBuffer(bytes) ? gzipSync(bytes) : bytes);
    return path;
  };
  return { folder, write };
}

const NIFTI_CODES: Record<string, [code: number, bytes: number]> = {
  u1: [2, 1],
  i2: [4, 2],
  i4: [8, 4],
  f4: [16, 4],
  f8: [64, 8],
  i8: [1024, 8],
};

function put(view: DataView, kind: string, at: number, value: number, little: boolean): void {
  if (kind === 'u1') view.setUint8(at, value);
  else if (kind === 'i2') view.setInt16(at, value, little);
  else if (kind === 'i4') view.setInt32(at, value, little);
  else if (kind === 'f4') view.setFloat32(at, value, little);
  else if (kind === 'f8') view.setFloat64(at, value, little);
  else view.setBigInt64(at, BigInt(value), little);
}

export interface NiftiOptions {
  readonly kind?: string;
  readonly little?: boolean;
  readonly slope?: number;
  readonly intercept?: number;
  /** sform. */
  readonly affine?: readonly (readonly number[])[];
  /** qform: b, c, d, the offsets, and qfac. */
  readonly quaternion?: readonly number[];
  readonly spacing?: readonly number[];
}

/** A NIfTI-1 file, x fastest. */
export function nifti(shape: readonly number[], data: ArrayLike<number>, options: NiftiOptions = {}): Buffer {
  const { kind = 'u1', little = true, slope = 1, intercept = 0, spacing = [1, 1, 1] } = options;
  const [code, width] = NIFTI_CODES[kind]!;
  const view = new DataView(new ArrayBuffer(352 + width * data.length));
  view.setInt32(0, 348, little);
  [shape.length, ...shape].forEach((n, i) => view.setInt16(40 + 2 * i, n, little));
  view.setInt16(70, code, little);
  view.setInt16(72, 8 * width, little);
  [options.quaternion?.[6] ?? 1, ...spacing].forEach((d, i) => view.setFloat32(76 + 4 * i, d, little));
  view.setFloat32(108, 352, little);
  view.setFloat32(112, slope, little);
  view.setFloat32(116, intercept, little);
  if (options.quaternion) {
    view.setInt16(252, 1, little);
    options.quaternion.slice(0, 6).forEach((x, i) => view.setFloat32(256 + 4 * i, x, little));
  }
  if (options.affine) {
    view.setInt16(254, 1, little);
    options.affine
      .flat()
      .slice(0, 12)
      .forEach((x, i) => view.setFloat32(280 + 4 * i, x, little));
  }
  const bytes = Buffer.from(view.buffer);
  bytes.write('n+1\0', 344, 'latin1');
  for (let i = 0; i < data.length; i++) put(view, kind, 352 + width * i, data[i]!, little);
  return bytes;
}

export function npy(
  shape: readonly number[],
  data: ArrayLike<number>,
  descr = '|u1',
  fortran = false,
): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.map((n) => `${n},`).join(' ')}), }`;
  const header = text.padEnd(117) + '\n';
  const width = Number(descr.slice(2));
  const bytes = Buffer.alloc(10 + header.length + width * data.length);
  bytes.write(`\x93NUMPY\x01\x00`, 0, 'latin1');
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, 10, 'latin1');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const kind = descr.slice(1).replace('b1', 'u1');
  for (let i = 0; i < data.length; i++) {
    const at = 10 + header.length + width * i;
    if (kind === 'f2') view.setUint16(at, data[i]!, descr[0] === '<');
    else put(view, kind, at, data[i]!, descr[0] !== '>');
  }
  return bytes;
}
