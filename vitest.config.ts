import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

// The "source" condition makes workspace packages resolve to their TypeScript, so that no test needs a build.
const conditions = ['source', ...defaultServerConditions]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  esbuild: { target: 'node20' },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'examples/{src,browser}/**/*.test.ts',
      'bench/src/**/*.test.ts',
      'docs/**/*.test.ts',
      'scripts/**/*.test.mjs',
    ],
    environment: 'node',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
