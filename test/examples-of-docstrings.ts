/** The public names of the package as the compiler sees them, with their docstrings, and docstrings' examples run. */
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { createPool } from 'segloss/pool';
import ts from 'typescript';
import { worker } from './pool-of.js';

export const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** One name of a door. */
export interface Export {
  /** `segloss`, `segloss/compat/article` … */
  readonly door: string;
  readonly name: string;
  readonly kind: 'loss' | 'function' | 'class' | 'type';
  /** Docstring without tags. */
  readonly text: string;
  /** The code of `@example`. */
  readonly example: string | undefined;
  /** What the last parameter of a function takes, if it is an object of options: the function's own first. */
  readonly options: readonly Option[];
  /** The file that declares it. */
  readonly file: string;
}

/** An option as its interface declares it. */
export interface Option {
  readonly name: string;
  /** Its type as written, with the name of a union replaced by the union. */
  readonly type: string;
  readonly text: string;
}

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types?: string; readonly default: string }>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Manifest;

/** Source file of every door that has types. */
export const DOORS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(manifest.exports).flatMap(([path, { types }]) =>
    types === undefined
      ? []
      : [[`segloss${path.slice(1)}`, ROOT + types.replace('./dist/', 'ts/').replace('.d.ts', '.ts')]],
  ),
);

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(`${ROOT}tsconfig.json`, (file) => ts.sys.readFile(file)).config,
  ts.sys,
  ROOT,
);
const program = ts.createProgram(Object.values(DOORS), options);
const checker = program.getTypeChecker();

function kindOf(symbol: ts.Symbol, file: string): Export['kind'] {
  if (symbol.flags & ts.SymbolFlags.Class) return 'class';
  if (!(symbol.flags & ts.SymbolFlags.Value)) return 'type';
  const calls = checker.getTypeOfSymbol(symbol).getCallSignatures();
  const makes = calls.some((call) => checker.typeToString(call.getReturnType()) === 'Loss');
  return makes && /\/ts\/(loss|geometric|compat)\//.test(file) ? 'loss' : 'function';
}

function typeOf(node: ts.TypeNode): string {
  const alias = ts.isTypeReferenceNode(node) && checker.getSymbolAtLocation(node.typeName);
  const symbol = alias && alias.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(alias) : alias;
  const declared = symbol && symbol.declarations?.find(ts.isTypeAliasDeclaration);
  if (declared) return typeOf(declared.type);
  if (!ts.isUnionTypeNode(node)) return node.getText();
  const types = node.types.filter(({ kind }) => kind !== ts.SyntaxKind.UndefinedKeyword);
  return types.map(typeOf).join(' | ');
}

function optionsOf(symbol: ts.Symbol, file: string): Option[] {
  const [call] = checker.getTypeOfSymbol(symbol).getCallSignatures();
  const last = call?.parameters.at(-1);
  const type = last && checker.getNonNullableType(checker.getTypeOfSymbol(last));
  // Arrays and functions have properties too, of the language's own.
  const declared = (type?.getProperties() ?? []).flatMap((property) =>
    (property.declarations ?? [])
      .filter(ts.isPropertySignature)
      .map((node) => ({ property, node, from: node.getSourceFile().fileName })),
  );
  const ours = declared.filter(({ from }) => from.startsWith(`${ROOT}ts/`));
  const own = ours.filter(({ from }) => from === file);
  const shared = ours.filter(({ from }) => from !== file);
  return [...own, ...shared].map(({ property, node }) => ({
    name: `${property.name}${property.flags & ts.SymbolFlags.Optional ? '' : ' (required)'}`,
    type: node.type ? typeOf(node.type) : '',
    text: ts.displayPartsToString(property.getDocumentationComment(checker)),
  }));
}

function describeExport(door: string, exported: ts.Symbol): Export {
  const alias = exported.flags & ts.SymbolFlags.Alias;
  const symbol = alias ? checker.getAliasedSymbol(exported) : exported;
  const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? '';
  const tag = symbol.getJsDocTags(checker).find(({ name }) => name === 'example');
  return {
    door,
    name: exported.name,
    kind: kindOf(symbol, file),
    text: ts.displayPartsToString(symbol.getDocumentationComment(checker)),
    example: /```ts\n([^]*?)```/.exec(ts.displayPartsToString(tag?.text))?.[1],
    options: optionsOf(symbol, file),
    file,
  };
}

export const EXPORTS: readonly Export[] = Object.entries(DOORS).flatMap(([door, file]) => {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`package.json exports ${door}, and ${file} is no module`);
  return checker.getExportsOfModule(module).map((exported) => describeExport(door, exported));
});

/** What the docstring of a loss says, in this order. */
export const HEADINGS = [
  'Formula',
  'Gradient',
  'Shapes',
  'Range',
  'Empty',
  'Weights',
  'Numerics',
  'Errors',
  'Source',
] as const;

/** The paragraph under a heading. */
export function under(text: string, heading: (typeof HEADINGS)[number]): string | undefined {
  const next = HEADINGS.map((other) => `\\n${other}: `).join('|');
  return new RegExp(`(?:^|\\n)${heading}: ([^]*?)(?=${next}|$)`).exec(text)?.[1];
}

/** Whether it makes a loss, or makes one of others. */
export const isMade = ({ kind, file }: Export): boolean =>
  kind === 'loss' || (kind === 'function' && ['loss', 'combinator'].includes(basename(dirname(file))));

/** The file of values and gradients of other libraries. */
export function fixtureOf({ door, name }: Export): string {
  const folder = door === 'segloss' ? '' : `${basename(door)}/`;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return `${ROOT}test/oracle/${folder}${snake}.json`;
}

/** What the compiler says of the examples, as files of the package's own strictness. */
export function exampleErrors(examples: ReadonlyMap<string, string>): string[] {
  const host = ts.createCompilerHost(options);
  const at = (name: string): string => `${ROOT}test/example-${name}.ts`;
  const files = new Map([...examples].map(([name, code]) => [at(name), `${code}\nexport {};`]));
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, ...rest) => {
    const code = files.get(file);
    if (code === undefined) return read(file, ...rest);
    // An ES module, as files of the package are: a framework's types may differ for `require`.
    const format = {
      languageVersion: ts.ScriptTarget.ES2022,
      impliedNodeFormat: ts.ModuleKind.ESNext,
    } as const;
    return ts.createSourceFile(file, code, format);
  };
  host.fileExists = (file) => files.has(file) || ts.sys.fileExists(file);
  const checked = ts.createProgram([...files.keys()], { ...options, noUnusedLocals: false }, host);
  return [...files.keys()].flatMap((file) =>
    checked
      .getSemanticDiagnostics(checked.getSourceFile(file))
      .map((found) => `${basename(file)}: ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`),
  );
}

/** A value an example shows, and the value it has. */
export interface Shown {
  readonly code: string;
  readonly found: unknown;
  readonly printed: string;
}

/** What an example imports that is no door of the package: the framework an adapter is for. */
async function peers(
  code: string,
  doors: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const imported = Array.from(code.matchAll(/^import (?:.* from )?'(.+)';$/gm), ([, name = '']) => name);
  const others = imported.filter((name) => !(name in doors));
  const unknown = others.find((name) => !(name in manifest.devDependencies));
  if (unknown !== undefined)
    throw new Error(`the example imports "${unknown}", which package.json neither exports nor installs`);
  const loaded = others.map(async (name) => [name, await import(/* @vite-ignore */ name)] as const);
  return Object.fromEntries(await Promise.all(loaded));
}

/** Runs an example; each `expression; // => value` of it is reported. */
export async function runExample(code: string, doors: Readonly<Record<string, unknown>>): Promise<Shown[]> {
  const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.ES2022);
  let marked = '';
  for (const statement of source.statements) {
    const comments = ts.getTrailingCommentRanges(code, statement.end) ?? [];
    const printed = comments.map(({ pos, end }) => /^\/\/ => (.*)$/.exec(code.slice(pos, end))?.[1])[0];
    const text = statement.getText(source);
    if (printed === undefined || !ts.isExpressionStatement(statement)) marked += `${text}\n`;
    else {
      const expression = statement.expression.getText(source);
      marked += `shown.push({ code: ${JSON.stringify(text)}, found: ${expression}, printed: ${JSON.stringify(printed)} });\n`;
    }
  }
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText } = ts.transpileModule(marked, { compilerOptions });
  const shown: Shown[] = [];
  // The sources' workers need a compiler, those of the package do not.
  const pool = { createPool: (options: object) => createPool({ worker, ...options }) };
  const modules: Record<string, unknown> = {
    ...(await peers(code, doors)),
    ...doors,
    'segloss/pool': pool,
  };
  // An example may await.
  const body = `return (async () => {${outputText}})();`;
  const run = compileFunction(body, ['require', 'exports', 'shown']) as (
    ...values: unknown[]
  ) => Promise<void>;
  await run((name: string) => modules[name], {}, shown);
  return shown;
}

/** Whether a value is what is printed: numbers to the digits there, the rest exactly. */
export function agrees(found: unknown, printed: unknown): boolean {
  if (typeof printed === 'number') {
    const digits = String(printed).split('.')[1]?.length;
    const bound = digits === undefined ? 1e-9 : 0.5 * 10 ** -digits;
    return typeof found === 'number' && Math.abs(found - printed) <= bound;
  }
  if (typeof printed !== 'object' || printed === null) return found === printed;
  const [a, b] = [new Map<string, unknown>(Object.entries(found ?? {})), Object.entries(printed)];
  return a.size === b.length && b.every(([key, value]) => agrees(a.get(key), value));
}
