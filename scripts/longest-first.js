import TestSequencer from '@jest/test-sequencer'

/** The files that take longest, and wait most: whoever starts them last waits for them with idle processors. */
const LONGEST = [
  'unsteady-azure',
  'failures',
  'builds',
  'unchanged',
  'sign-in',
  'log-inputs',
  'demo',
  'refusals',
  'outer-loop',
]
const FOLDERS = ['scenarios', 'local-azure', 'unit']

function rank(file) {
  const name = file.replace(/^.*[\\/]|\.test\.ts$/g, '')
  const folder = FOLDERS.findIndex((one) => file.split(/[\\/]/).at(-2) === one)
  const place = folder === 0 ? LONGEST.indexOf(name) : -1
  return place >= 0 ? place : LONGEST.length + folder
}

/**
 * Scenarios first, the longest before the others; unit tests, which only compute, fill the gaps at the end. Jest itself
 * goes by how long files took the last time, which a fresh clone does not know.
 */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    return [...tests].sort((a, b) => rank(a.path) - rank(b.path) || a.path.localeCompare(b.path))
  }
}
