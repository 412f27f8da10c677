/** Writes `docs/losses/`: `npm run docs:losses`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { ROOT } from '../../test/examples-of-docstrings.js';
import { setup } from '../../ts/index.js';
import { lossPages } from './pages.js';

setup({ simd: 'simd128' });
const files = await lossPages();
rmSync(`${ROOT}docs/losses`, { recursive: true, force: true });
mkdirSync(`${ROOT}docs/losses`);
for (const [name, text] of files) writeFileSync(`${ROOT}docs/losses/${name}`, text);
console.log(`docs/losses: ${files.size} files`);
