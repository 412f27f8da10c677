/** The script of a pool's workers: runs ranges of passes, holds nothing between them. */
import { setup } from '../backend.js';
import { runChunks } from '../stream.js';
import { builtin } from '../threads.js';
import { totalsLength, workspace } from '../workspace.js';
import { type Reply, type Request, type Start, workOf } from './protocol.js';

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
) as Port;

function answer(request: Request): Reply {
  const { call, groups, range, chunks, buffer } = request;
  const length = totalsLength(call.channels, groups[0]?.kernels.length ?? 0);
  const all = chunks > 0 ? new Float64Array(chunks * length) : undefined;
  let at = 0;
  const fault = runChunks(workOf(request), range, (totals) => {
    all?.set(totals, at);
    at += length;
  });
  return { totals: all, fault, buffer, error: undefined };
}

function failed(error: unknown, buffer: ArrayBuffer | undefined): Reply {
  return { totals: undefined, fault: undefined, buffer, error: String(error) };
}

function reply(message: Reply): void {
  const { totals, buffer } = message;
  port.postMessage(message, [totals?.buffer, buffer].filter(Boolean));
}

function begin({ module, lock }: Start): void {
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

port.addEventListener('message', ({ data }) => {
  if ((data as Partial<Start>).module !== undefined) {
    begin(data as Start);
    return;
  }
  const request = data as Request;
  try {
    reply(answer(request));
  } catch (error) {
    reply(failed(error, request.buffer));
  }
});
