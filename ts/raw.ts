/** The one import of the generated glue. */
export { initSync, Workspace as RawWorkspace } from './core/glue.js';
