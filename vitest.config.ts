import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { chromium } from './scripts/toolchain.mjs';
import { relaxedProbe } from './ts/inlined.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Whether this engine has relaxed SIMD without being asked for it. */
const native = WebAssembly.validate(relaxedProbe());

const executablePath = chromium();

const GENERIC = 'test/*.test.ts';
/** Tests of files, processes and packages. */
const NODE_ONLY = 'test/*.node.test.ts';

export default defineConfig({
  resolve: {
    alias: {
      'segloss/compat/article': path('./ts/compat/article.ts'),
      'segloss/compat/monai': path('./ts/compat/monai.ts'),
      'segloss/compat/smp': path('./ts/compat/smp.ts'),
      'segloss/compat/torch': path('./ts/compat/torch.ts'),
      'segloss/compat/keras': path('./ts/compat/keras.ts'),
      'segloss/compat/kornia': path('./ts/compat/kornia.ts'),
      'segloss/compat/nnunet': path('./ts/compat/nnunet.ts'),
      'segloss/compat/optax': path('./ts/compat/optax.ts'),
      'segloss/metrics': path('./ts/metrics/index.ts'),
      'segloss/geometric': path('./ts/geometric/index.ts'),
      'segloss/diagnose': path('./ts/diagnose.ts'),
      'segloss/tfjs': path('./ts/tfjs.ts'),
      'segloss/jax': path('./ts/jax.ts'),
      'segloss/pool': path('./ts/pool/index.ts'),
      segloss: path('./ts/index.ts'),
    },
  },
  test: {
    testTimeout: 60_000,
    setupFiles: ['test/setup.ts'],
    // Every test file leaves things as they are; what is chosen once per process is tested in one of its own.
    isolate: false,
    // Vitest leaves a core free, which of two is half.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: { name: 'simd128', include: [GENERIC], provide: { simd: 'simd128' } },
      },
      {
        extends: true,
        test: {
          name: 'relaxed',
          include: [GENERIC],
          exclude: [NODE_ONLY],
          provide: { simd: 'relaxed' },
          pool: 'forks',
          execArgv: native ? [] : ['--experimental-wasm-relaxed-simd'],
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/*.test.ts'],
          globalSetup: ['test/package/setup.ts'],
          provide: { simd: 'auto' },
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'cli',
          include: ['test/cli/*.test.ts'],
          globalSetup: ['test/cli/setup.ts'],
          provide: { simd: 'auto' },
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: [GENERIC],
          exclude: [NODE_ONLY],
          provide: { simd: 'auto' },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            instances: [{ browser: 'chromium' }],
            provider: playwright({
              launchOptions: {
                ...(executablePath && { executablePath }),
                args: [
                  '--no-sandbox',
                  '--disable-gpu',
                  '--disable-quic',
                  '--no-first-run',
                  '--disable-background-networking',
                  '--disable-component-update',
                  '--disable-sync',
                ],
              },
            }),
          },
        },
      },
    ],
  },
  server: {
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
});
