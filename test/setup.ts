/** Each project tests one build of the core. */
import { inject } from 'vitest';
import { setup } from '../ts/index.js';

declare module 'vitest' {
  interface ProvidedContext {
    simd: 'auto' | 'simd128' | 'relaxed';
  }
}

setup({ simd: inject('simd') });
