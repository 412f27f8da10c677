/** The package through each bundler: pages in `out/NAME/`, by what a user's minimal configuration is. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Of each bundler: its version, and a function that bundles `entry` of `folder` into `out/NAME/entry`. */
export async function bundlers(tools) {
  const own = createRequire(import.meta.url);
  const theirs = createRequire(join(tools, 'package.json'));
  const load = (require, name) => import(pathToFileURL(require.resolve(name)));
  const [vite, esbuild, rollup] = await Promise.all([import('vite'), import('esbuild'), import('rollup')]);
  const { nodeResolve } = await load(theirs, '@rollup/plugin-node-resolve');
  const { default: webpack } = await load(theirs, 'webpack');
  const name = (entry) => entry.replace('.mjs', '');
  return {
    Vite: {
      version: own('vite/package.json').version,
      worker: true,
      bundle: (folder, entry, out) =>
        vite.build({
          root: folder,
          configFile: false,
          logLevel: 'error',
          base: './',
          worker: { format: 'es' },
          build: {
            outDir: out,
            emptyOutDir: false,
            rollupOptions: { input: join(folder, entry), output: { entryFileNames: '[name].js' } },
          },
        }),
    },
    webpack: {
      version: theirs('webpack/package.json').version,
      worker: true,
      bundle: (folder, entry, out) =>
        new Promise((resolve, reject) => {
          const output = { path: out, filename: '[name].js', publicPath: 'auto' };
          const config = {
            mode: 'production',
            context: folder,
            entry: { [name(entry)]: `./${entry}` },
            output,
            performance: false,
          };
          webpack(config, (error, stats) => {
            if (error ?? stats.hasErrors()) reject(error ?? new Error(stats.toString('errors-only')));
            else resolve();
          });
        }),
    },
    esbuild: {
      version: esbuild.version,
      bundle: (folder, entry, out) =>
        esbuild.build({
          absWorkingDir: folder,
          entryPoints: [entry],
          bundle: true,
          minify: true,
          format: 'esm',
          outdir: out,
          logLevel: 'error',
        }),
    },
    Rollup: {
      version: rollup.VERSION,
      bundle: async (folder, entry, out) => {
        const made = await rollup.rollup({ input: join(folder, entry), plugins: [nodeResolve()] });
        await made.write({ dir: out, format: 'es', entryFileNames: `${name(entry)}.js` });
        await made.close();
      },
    },
  };
}
