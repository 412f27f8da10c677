/** The script of a pool's workers: runs ranges of passes, holds nothing between them. */
import { setup } from '../backend.js';
import { type Fault, runChunks } from '../stream.js';
import { builtin } from '../threads.js';
import { workspace } from '../workspace.js';
import { divide, lengthOf } from './carrier.js';
import { ALL, type Reply, type Request, type Start, workOf } from './protocol.js';

/** The other end: the global of a web worker, or Node's port. */
interface Port {
  postMessage(message: unknown, transfer?: readonly unknown[]): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}
const scope = globalThis as unknown as Partial<Port>;
const port = (
  typeof scope.postMessage === 'function'
    ? scope
    : (builtin('node:worker_threads') as { parentPort: unknown }).parentPort
) as Port | null;

/** Runs the parts it can get; the first fault ends the whole pass, once the parts before it are done. */
function answer(request: Request): Fault | undefined {
  const { call, groups, entries, taken, totals } = request;
  const parts = divide(call, entries);
  const work = workOf(request);
  const length = lengthOf(call, groups);
  let next = 0;
  for (;;) {
    const index = taken ? Atomics.add(taken, 0, 1) : next++;
    if (index >= parts.count) return undefined;
    const part = parts.at(index);
    let at = part.chunk * length;
    const found = (results: Float64Array): void => {
      totals?.set(results, at);
      at += length;
    };
    const fault = runChunks(work, part, totals && found);
    if (fault === undefined) continue;
    if (taken) Atomics.store(taken, 0, ALL);
    return fault;
  }
}

function reply(request: Request): Reply {
  const { buffers } = request;
  try {
    return { fault: answer(request), buffers, error: undefined };
  } catch (error) {
    return { fault: undefined, buffers, error: String(error) };
  }
}

function begin(port: Port, { module, lock }: Start): void {
  setup({ module });
  workspace();
  const ready = (): void => port.postMessage(undefined);
  if (lock === undefined) ready();
  else {
    // Held for life: its release tells the pool that the worker is no more, of which browsers have no event.
    void navigator.locks.request(lock, () => {
      ready();
      return new Promise(() => undefined);
    });
  }
}

// On Node's main thread there is no other end: to import this there does nothing.
port?.addEventListener('message', ({ data }) => {
  if ((data as Partial<Start>).module !== undefined) {
    begin(port, data as Start);
    return;
  }
  const answered = reply(data as Request);
  port.postMessage(answered, answered.buffers);
});
