/** What a worker thread does; the pool's other end is in run.ts. */
import { worker } from 'workerpool';
import { TASKS } from './tasks.js';

worker(TASKS);
