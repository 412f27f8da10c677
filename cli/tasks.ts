/** What can be done with a case, by the name that the pool and the results know it by. */
import { evaluate } from './evaluate.js';
import { lossOf } from './loss-of.js';

export const TASKS = { eval: evaluate, loss: lossOf };

export type TaskName = keyof typeof TASKS;
export type TaskOptions<T extends TaskName> = Parameters<(typeof TASKS)[T]>[1];
export type TaskResult<T extends TaskName> = Awaited<ReturnType<(typeof TASKS)[T]>>;
