/** Which prediction belongs to which truth. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { messageOf, UsageError } from './errors.js';
import { extensionOf, FORMATS } from './read/index.js';

export interface Case {
  readonly name: string;
  readonly pred: string;
  readonly truth: string;
}

export interface Matched {
  readonly cases: readonly Case[];
  /** Names without a partner. */
  readonly onlyPred: readonly string[];
  readonly onlyTruth: readonly string[];
  readonly folders: boolean;
}

export interface Patterns {
  readonly predPattern?: string;
  readonly truthPattern?: string;
}

const withoutExtension = (path: string): string => path.slice(0, path.length - extensionOf(path).length);

/** A path's case under a pattern such as `{case}/lesion`; the path itself without one. */
function nameBy(pattern: string | undefined, option: string): (path: string) => string | undefined {
  if (pattern === undefined) return (path) => path;
  const parts = withoutExtension(pattern).split('{case}');
  if (parts.length !== 2) {
    throw new UsageError(
      `${option} expected a path with one {case} in it, such as '{case}_pred', got '${pattern}'.`,
    );
  }
  const [before = '', after = ''] = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${before}(.+)${after}$`);
  return (path) => expression.exec(path)?.[1];
}

/** The files of a folder by the name of their case. */
function filesOf(folder: string, nameOf: (path: string) => string | undefined): Map<string, string> {
  const files = new Map<string, string>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (extensionOf(path) === '' || basename(path).startsWith('.')) continue;
    const full = join(folder, path);
    if (!statSync(full).isFile()) continue;
    const name = nameOf(withoutExtension(path).split(sep).join('/'));
    if (name === undefined) continue;
    const other = files.get(name);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${full} are both the case "${name}"; expected one file a case.`);
    }
    files.set(name, full);
  }
  return files;
}

function isFolder(path: string, argument: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new UsageError(`${argument} cannot be read: ${messageOf(error)}.`);
  }
}

export function casesOf(pred: string, truth: string, { predPattern, truthPattern }: Patterns): Matched {
  const folders = [isFolder(pred, 'PRED'), isFolder(truth, 'TRUTH')] as const;
  if (folders[0] !== folders[1]) {
    const kind = (folder: boolean): string => (folder ? 'a folder' : 'a file');
    throw new UsageError(
      `PRED ${pred} is ${kind(folders[0])}, but TRUTH ${truth} is ${kind(folders[1])}; expected two files or two folders.`,
    );
  }
  if (!folders[0]) {
    return {
      cases: [{ name: withoutExtension(basename(pred)), pred, truth }],
      onlyPred: [],
      onlyTruth: [],
      folders: false,
    };
  }
  const preds = filesOf(pred, nameBy(predPattern, '--pred-pattern'));
  const truths = filesOf(truth, nameBy(truthPattern, '--truth-pattern'));
  const cases = [...preds].flatMap(([name, path]) => {
    const partner = truths.get(name);
    return partner === undefined ? [] : [{ name, pred: path, truth: partner }];
  });
  const onlyPred = [...preds.keys()].filter((name) => !truths.has(name));
  const onlyTruth = [...truths.keys()].filter((name) => !preds.has(name));
  if (cases.length === 0) {
    const some = (names: readonly string[]): string => names.slice(0, 3).join(', ') || `no file (${FORMATS})`;
    throw new UsageError(
      `No name in ${pred} is also in ${truth}: ${some(onlyPred)} against ${some(onlyTruth)}. Files match by their path without the extension; --pred-pattern '{case}_pred' and --truth-pattern '{case}/lesion' say where the name of the case is.`,
    );
  }
  return { cases, onlyPred, onlyTruth, folders: true };
}
