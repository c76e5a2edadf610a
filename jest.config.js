/** Tests are TypeScript run as ES modules on the pinned Node; types are stripped by Node itself. */
import path from 'node:path'

// For the processes and threads that tests start: stripping types from the same files costs a fifth of a second each.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, 'node_modules', '.cache', 'tests')

export default {
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/strip-types.js' },
  testEnvironment: 'node',
  testSequencer: '<rootDir>/scripts/longest-first.js',
  // What hangs, no more: on a busy machine a job takes ten times as long as on an idle one.
  testTimeout: 120_000,
  // Builds mostly wait: more of them at once than there are processors does no harm.
  maxWorkers: 6,
  collectCoverageFrom: ['src/**/*.ts'],
  coverageProvider: 'v8',
}
