/** Tests are TypeScript run as ES modules on the pinned Node; types are stripped by Node itself. */
export default {
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/strip-types.js' },
  testEnvironment: 'node',
  testTimeout: 60_000,
  // Builds mostly wait: more of them at once than there are processors does no harm.
  maxWorkers: 6,
  collectCoverageFrom: ['src/**/*.ts'],
  coverageProvider: 'v8',
}
