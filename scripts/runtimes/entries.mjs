/** The files by which each kind of runtime starts the program, as text. */

const sources = (from) => `
import * as segloss from '${from('segloss', 'index.js')}';
import * as article from '${from('segloss/compat/article', 'compat/article.js')}';
import * as metrics from '${from('segloss/metrics', 'metrics/index.js')}';
import * as geometric from '${from('segloss/geometric', 'geometric/index.js')}';
import { fixtures } from './fixtures.mjs';
import { program } from './program.mjs';
const run = () => program({ segloss, article, geometric, metrics, fixtures });
`;
const bare = sources((specifier) => specifier);
const byPath = sources((_, file) => `/node_modules/segloss/dist/${file}`);

const toPage = 'globalThis.result = run();\n';
const toParent = 'postMessage(run());\n';
const withWorker = (url) => `
const worker = new Worker(${url}, { type: 'module' });
worker.onmessage = ({ data }) => { globalThis.result = data; };
`;

/** By name of the file in the folder where the package is installed. */
export const ENTRIES = {
  'server.mjs': `${bare}console.log(JSON.stringify(run()));\n`,
  'server.cjs': `
const [segloss, article, geometric, metrics] = ['', '/compat/article', '/geometric', '/metrics'].map((path) => require('segloss' + path));
const { fixtures } = require('./fixtures.mjs');
const { program } = require('./program.mjs');
console.log(JSON.stringify(program({ segloss, article, geometric, metrics, fixtures })));
`,
  'workerd.mjs': `
import core from './simd128.wasm';
import geometry from './geometry.wasm';
${bare}
segloss.setup({ module: core });
metrics.setup({ module: geometry });
export default { fetch: () => Response.json(run()) };
`,
  'page.mjs': byPath + toPage,
  'worker.mjs': byPath + toParent,
  'start.mjs': withWorker("'/worker.mjs'"),
  // For bundlers.
  'bundled-page.mjs': bare + toPage,
  'bundled-worker.mjs': bare + toParent,
  'bundled-start.mjs': withWorker("new URL('./bundled-worker.mjs', import.meta.url)"),
};
