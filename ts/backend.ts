/**
 * Which build of the core runs: chosen once, at the first loss call or by `setup`.
 *
 * @module
 */
import { checkNames } from './check/nearest.js';
import { oneOf, show } from './check/options.js';
import { inlinedCore, relaxedProbe } from './inlined.js';
import { checkModule, type GivenModule, toModule } from './module.js';
import { initSync } from './raw.js';
import { type Threads, threadsOf } from './threads.js';

/** Exports by which the core is known. */
const EXPORTS = ['memory', 'workspace_new', 'workspace_input', 'workspace_run'];

/** What `setup` takes. */
export interface SetupOptions {
  /**
   * `'auto'` (default): relaxed where the engine has it. `'simd128'`: the same bits on every machine. Where an engine's
   * relaxed instructions lose a NaN, simd128 runs for all three.
   */
  readonly simd?: 'auto' | 'simd128' | 'relaxed' | undefined;
  /** The core, compiled or as bytes, for runtimes that refuse to compile inlined code. */
  readonly module?: GivenModule | undefined;
}

/** What `backend` tells. */
export interface Backend {
  /** The build in use, or that the first call will use; `'custom'`: a module given to `setup`. */
  readonly simd: 'simd128' | 'relaxed' | 'custom';
  /** Whether the core is compiled: by the first loss call, or by a pool. */
  readonly started: boolean;
  /** Bytes of WebAssembly memory in use; 0 before the first call. */
  readonly memoryBytes: number;
  /** How a pool (`segloss/pool`) would move data: shared memory, copies moved to and fro, or `'none'`: no workers here. */
  readonly threads: Threads;
}

let wanted: Backend['simd'] | undefined;
let given: SetupOptions['module'];
let memory: WebAssembly.Memory | undefined;
let compiled: WebAssembly.Module | undefined;

let relaxed: boolean | undefined;
function hasRelaxed(): boolean {
  return (relaxed ??= WebAssembly.validate(relaxedProbe()));
}

function choice(): Backend['simd'] {
  return wanted ?? (hasRelaxed() ? 'relaxed' : 'simd128');
}

/**
 * Chooses the build of the core. Optional; before the first loss call, any number of times.
 *
 * Errors: `Error` after the first call when it would change the build in use, or for `'relaxed'` where the engine
 * has no relaxed SIMD; `TypeError` and `RangeError` for options that are none.
 *
 * @example
 * ```ts
 * import { backend, setup } from 'segloss';
 *
 * setup({ simd: backend().simd === 'relaxed' ? 'relaxed' : 'simd128' });
 * backend().simd === 'custom'; // => false
 * ```
 */
export function setup(options: SetupOptions = {}): void {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw new TypeError(`setup expected an options object, got ${show(options)}`);
  }
  checkNames(options, ['simd', 'module'], 'setup options');
  const { simd = 'auto', module } = options;
  oneOf('auto', 'simd128', 'relaxed')(simd, 'simd');
  if (module !== undefined) checkModule(module, EXPORTS, "segloss's core");
  if (simd === 'relaxed' && module === undefined && !hasRelaxed()) {
    throw new Error("this engine has no relaxed SIMD; use simd: 'auto' or 'simd128'");
  }
  const next = module !== undefined ? 'custom' : simd === 'auto' ? undefined : simd;
  if (compiled !== undefined) {
    const resolved = next ?? (hasRelaxed() ? 'relaxed' : 'simd128');
    if (resolved === choice() && module === given) return;
    throw new Error(`the core already runs (${choice()}); call setup before the first loss call`);
  }
  wanted = next;
  given = module;
}

/**
 * Tells which build of the core runs, or would run. Never compiles.
 *
 * Errors: none.
 *
 * @example
 * ```ts
 * import { backend } from 'segloss';
 *
 * ['simd128', 'relaxed', 'custom'].includes(backend().simd); // => true
 * ```
 */
export function backend(): Backend {
  return {
    simd: choice(),
    started: compiled !== undefined,
    memoryBytes: memory?.buffer.byteLength ?? 0,
    threads: threadsOf(),
  };
}

/** Whether a NaN prediction stays one in the relaxed build. It does in the engines known; the standard leaves it open. */
function keepsNaN(): boolean {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(relaxedProbe()));
  return (exports as { f: () => number }).f() === 1;
}

/**
 * The core, compiled on the first call, for workers to run the same.
 *
 * @internal
 */
export function coreModule(): WebAssembly.Module {
  if (compiled !== undefined) return compiled;
  if (choice() === 'relaxed' && !keepsNaN()) wanted = 'simd128';
  const build = choice();
  return (compiled = build === 'custom' ? toModule(given) : new WebAssembly.Module(inlinedCore(build)));
}

/**
 * Starts the core on the first call and gives its memory.
 *
 * @internal
 */
export function start(): WebAssembly.Memory {
  return (memory ??= initSync({ module: coreModule() }).memory);
}
