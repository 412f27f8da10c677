/** Workers of any runtime, as one thing. */
import { coreModule } from '../backend.js';
import { builtin, hasWebWorkers } from '../threads.js';
import type { Start } from './protocol.js';

/** A worker of a browser or of `node:worker_threads`; by shape, so that the declarations need neither's types. */
export interface PoolWorker {
  postMessage(message: unknown, transfer: never[]): void;
  terminate(): unknown;
}

/** Node's workers tell by `on`, those of browsers by `addEventListener`. */
interface NodeWorker extends PoolWorker {
  on(type: string, listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
}
interface WebWorker extends PoolWorker {
  addEventListener(type: string, listener: (event: { data?: unknown; message?: unknown }) => void): void;
}

/** A started worker. */
export interface Thread {
  post(message: unknown, transfer: readonly unknown[]): void;
  /** Whether the process waits for it. */
  keep(awake: boolean): void;
  stop(): Promise<unknown>;
}

/** What a worker tells; the last thing is why it ended. */
interface Listener {
  readonly message: (data: unknown) => void;
  readonly end: (reason: string) => void;
}

function defaultWorker(): PoolWorker {
  // In this very form bundlers find the script.
  if (hasWebWorkers()) return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  // And in this form they do not, since what they make is not for Node.
  const here = import.meta.url;
  const { Worker: Thread } = builtin('node:worker_threads') as {
    Worker: new (url: URL, options: object) => PoolWorker;
  };
  // Flags of this process are not the worker's: --input-type would keep it from starting.
  return new Thread(new URL('./worker.js', here), { name: 'segloss', execArgv: [] });
}

let made = 0;

function listenTo(worker: PoolWorker, { message, end }: Listener): void {
  if ('on' in worker) {
    const node = worker as NodeWorker;
    node.on('message', message);
    node.on('messageerror', (error) => end(String(error)));
    node.on('error', (error) => end(String(error)));
    node.on('exit', (code) => end(`it exited with code ${String(code)}`));
    return;
  }
  const web = worker as WebWorker;
  web.addEventListener('message', (event) => message(event.data));
  web.addEventListener('messageerror', () => end('a message could not be read'));
  web.addEventListener('error', (event) =>
    end(
      typeof event.message === 'string' && event.message ? event.message : 'its script could not be loaded',
    ),
  );
}

/** Starts a worker; resolves when it can work, and rejects where it cannot be. */
export function spawn(make: (() => PoolWorker) | undefined, listener: Listener): Promise<Thread> {
  return new Promise((resolve, reject) => {
    let worker: PoolWorker | undefined;
    const stopped = new AbortController();
    let [ready, over] = [false, false];
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      if (ready) listener.end(reason);
      else fail(reason);
    };
    const fail = (reason: string): void => {
      worker?.terminate();
      const hint = make
        ? 'see "worker"'
        : 'if a bundler or a policy keeps its script away, give it as worker: () => new Worker(…)';
      reject(new Error(`a worker of the pool did not start: ${reason}; ${hint}`));
    };
    try {
      worker = (make ?? defaultWorker)();
    } catch (error) {
      fail(String(error));
      return;
    }
    const own = worker;
    const node = 'ref' in own ? (own as NodeWorker) : undefined;
    const locks = node ? undefined : (globalThis.navigator?.locks as LockManager | undefined);
    const lock = locks && `segloss-pool-${Date.now()}-${Math.random()}-${made++}`;
    const thread: Thread = {
      post: (message, transfer) => own.postMessage(message, transfer as never[]),
      keep: (awake) => {
        if (awake) node?.ref();
        // A worker that is being ended is waited for, whatever it still answers.
        else if (!over) node?.unref();
      },
      stop: async () => {
        over = true;
        stopped.abort();
        await own.terminate();
      },
    };
    listenTo(own, {
      message: (data) => {
        if (ready) {
          listener.message(data);
          return;
        }
        ready = true;
        const ended = (): void => end('it was terminated');
        if (locks && lock) locks.request(lock, { signal: stopped.signal }, ended).catch(() => undefined);
        thread.keep(false);
        resolve(thread);
      },
      end,
    });
    const start: Start = { module: coreModule(), lock };
    thread.post(start, []);
  });
}
