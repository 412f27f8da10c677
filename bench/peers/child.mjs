/**
 * One engine on one case, in a process of its own:
 *
 *   child.mjs MODULE VARIANT FORMULA FOLDER SAMPLES CHANNELS PIXELS MILLISECONDS
 *
 * reads pred and target from the folder, leaves the gradient there, and value, times and memory as JSON.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopwatch } from '../measure.js';

const [module, variant, formula, folder, ...numbers] = process.argv.slice(2);
const [samples, channels, pixels, milliseconds] = numbers.map(Number);
const SHORTEST_MS = 0.2;
const FEWEST = 3;

function read(name, Kind) {
  const { buffer, byteOffset, length } = readFileSync(join(folder, name));
  return new Kind(buffer, byteOffset, length / Kind.BYTES_PER_ELEMENT);
}

/** The most memory the process held since `reset`, where Linux tells. */
const PROC = '/proc/self/';
const peak = {
  reset: () => existsSync(`${PROC}clear_refs`) && writeFileSync(`${PROC}clear_refs`, '5'),
  bytes: () =>
    existsSync(`${PROC}status`)
      ? Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`${PROC}status`, 'utf8'))?.[1]) * 1024
      : process.resourceUsage().maxRSS * 1024,
};

const pred = read('pred', Float32Array);
const target = read('target', Uint8Array);
const out = new Float32Array(pred.length).fill(1);
const { prepare } = await import(`./${module}.mjs`);
globalThis.gc?.();
const before = process.memoryUsage().rss;
const shape = [samples, channels, pixels];
const { call, gradient } = await prepare(
  { formula, shape, samples, channels, pixels, pred, target, out },
  variant.split(' '),
);

async function timed(repeat) {
  const passed = stopwatch();
  for (let r = 0; r < repeat; r++) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return passed() / repeat;
}

// What preparing took for a moment is not the loss's.
peak.reset();
const value = await call();
const processBytes = peak.bytes() - before;
writeFileSync(join(folder, 'grad'), new Uint8Array(Float32Array.from(gradient()).buffer));
// Doubled until a sample is long enough, since the first calls are not yet compiled.
let repeat = 1;
while ((await timed(repeat)) * repeat < SHORTEST_MS) repeat *= 2;
const times = [];
let spent = 0;
while (spent < milliseconds || (times.length < FEWEST && spent < 5 * milliseconds)) {
  const time = await timed(repeat);
  times.push(time);
  spent += time * repeat;
}
writeFileSync(join(folder, 'result'), JSON.stringify({ value, times, processBytes }));
process.exit();
