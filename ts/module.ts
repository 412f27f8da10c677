/** From what a module comes as (bytes, compiled) to one that can be instantiated. */
import { show } from './check/options.js';

/**
 * A `WebAssembly.Module` or bytes, for runtimes that refuse to compile inlined code. No closer type: the declarations
 * must compile under `lib: ES2022`, which lacks that name.
 */
export type GivenModule = object;

/**
 * The module, compiled where it came as bytes. The declarations name no `WebAssembly`.
 *
 * @internal
 */
export function toModule(module: unknown): WebAssembly.Module {
  if (module instanceof WebAssembly.Module) return module;
  const kind = Object.prototype.toString.call(module);
  if (kind === '[object WebAssembly.Module]') return module as WebAssembly.Module;
  if (ArrayBuffer.isView(module) || kind === '[object ArrayBuffer]') {
    return new WebAssembly.Module(module as BufferSource);
  }
  throw new TypeError(`"module" expected a WebAssembly.Module or its bytes, got ${show(module)}`);
}

/**
 * Throws unless the module has these exports.
 *
 * @internal
 */
export function checkModule(module: unknown, exports: readonly string[], what: string): void {
  const names = WebAssembly.Module.exports(toModule(module)).map((e) => e.name);
  const missing = exports.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new RangeError(`"module" is not ${what}: it lacks the export ${missing}`);
  }
}
