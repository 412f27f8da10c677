/**
 * Bundles the command line and its worker into dist/, with the libraries they use, so that installing the package installs
 * nothing else. What is bundled, and under which licence, is listed in cli-licenses.txt.
 */
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** The folder of the package that a bundled file is of; '' for a file of this repository. */
const packageOf = (path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? '';

function licenceOf(root, folder) {
  const { name, version, license, author } = JSON.parse(
    readFileSync(join(root, folder, 'package.json'), 'utf8'),
  );
  const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file
    ? readFileSync(join(root, folder, file), 'utf8').trim()
    : `(by ${author?.name ?? author ?? 'its authors'}; the package holds no text of the licence)`;
  return { name, heading: `${name} ${version}: ${license}`, text };
}

export async function buildCli(root, target) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { cli: 'cli/main.ts', 'cli-worker': 'cli/worker.ts' },
    outdir: target,
    bundle: true,
    // What both use is one file: the tarball is weighed.
    splitting: true,
    chunkNames: 'cli-[name]',
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    legalComments: 'none',
    metafile: true,
    // The package itself, by its own name: one copy of the core.
    external: ['segloss', 'segloss/metrics'],
    // Libraries in CommonJS call it for modules of Node.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  chmodSync(join(target, 'cli.js'), 0o755);
  const folders = new Set(Object.keys(metafile.inputs).map(packageOf));
  folders.delete('');
  const licences = [...folders]
    .map((folder) => licenceOf(root, folder))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const [headings, texts] = [
    licences.map(({ heading }) => heading),
    licences.map(({ heading, text }) => `${'-'.repeat(80)}\n${heading}\n\n${text}`),
  ];
  const intro = 'The command line (cli*.js) holds code of these packages:';
  writeFileSync(
    join(target, 'cli-licenses.txt'),
    `${[intro, ...headings].join('\n')}\n\n${texts.join('\n\n')}\n`,
  );
}
