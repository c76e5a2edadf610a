/** The verdict of the fault test itself: what is bad must be called so, or the test shows nothing. */
import { describe, expect, test } from '@jest/globals'
import type { Evidence } from './evidence.ts'
import { judge, type VerdictName } from './verdict.ts'

type Change = Partial<Evidence>

const TEMPLATE = 't_1795304551205_88e6ffa5'
const GROUP = `IT_rg-images_${TEMPLATE}_1f47715c-8670-444e-a814-2c818908be58`
const BLOB = 'imagebuilder-vststask/app/18230001-1/app_1795304548705_526f01fb.tar.gz'
const DELETE_TEMPLATE = `az image builder delete --name ${TEMPLATE} --resource-group 'rg-images' --subscription x`
const DELETE_BLOB = `az storage blob delete --auth-mode login --account-name a --container-name c --name '${BLOB.slice(BLOB.indexOf('/') + 1)}'`
const ERROR =
  'Failed while starting the run: GatewayTimeout (HTTP 504): No answer.\nWhat to do: Run the job again.'

const SUCCESS: Evidence = {
  kind: 'faults',
  struck: true,
  conclusion: 'success',
  main: { exitCode: 0, signal: null },
  postExitCode: 0,
  errors: [],
  warnings: [],
  log: '',
  postLog: '',
  leaks: [],
  templates: 1,
  runs: 1,
  images: 1,
  left: { templates: [], stagingGroups: [], blobs: [] },
  goingOn: [],
  hung: [],
  durationMs: 1000,
}
const FAILURE: Evidence = {
  ...SUCCESS,
  conclusion: 'failure',
  main: { exitCode: 1, signal: null },
  errors: [ERROR],
  images: 0,
}
const KILLED: Evidence = { ...FAILURE, kind: 'kill', main: { exitCode: null, signal: 'SIGKILL' }, errors: [] }
const CANCELLED: Evidence = {
  ...FAILURE,
  kind: 'cancel',
  conclusion: 'cancelled',
  errors: ['The workflow was cancelled.\nCause: Somebody did.', 'The operation was canceled.'],
}
const KEPT = { left: { templates: [TEMPLATE], stagingGroups: [GROUP], blobs: [] } }
const NO_WHY = 'Failed while signing in the user: Refused: no.\nWhat to do: Check tenant-id.'

describe.each<[string, Evidence, [string, Change, VerdictName][]]>([
  [
    'a success',
    SUCCESS,
    [
      ['as it should be', {}, 'survived'],
      ['that nothing happened to', { struck: false }, 'not struck'],
      [
        'with a template that a warning tells of',
        { ...KEPT, warnings: [DELETE_TEMPLATE] },
        'survived, leftovers told',
      ],
      ['with a template that the log alone tells of', { ...KEPT, postLog: DELETE_TEMPLATE }, 'leaked'],
      ['with a template that nobody tells of', KEPT, 'leaked'],
      ['with a staging group alone', { left: { ...KEPT.left, templates: [] } }, 'leaked'],
      ['with a blob', { left: { ...SUCCESS.left, blobs: [BLOB] } }, 'leaked'],
      [
        'with a blob that a warning tells of',
        { left: { ...SUCCESS.left, blobs: [BLOB] }, warnings: [DELETE_BLOB] },
        'survived, leftovers told',
      ],
      ['with a secret', { leaks: ['log main line 1: eyJ'] }, 'leaked'],
      ['with two templates', { templates: 2 }, 'double'],
      ['with two runs', { runs: 2 }, 'double'],
      ['with two images', { images: 2 }, 'double'],
      ['without an image', { images: 0 }, 'unclear'],
      ['without a run', { runs: 0 }, 'unclear'],
      ['with an error', { errors: [ERROR] }, 'unclear'],
      ['with a stack trace', { log: 'Error: x\n    at run (file.js:1:2)' }, 'unclear'],
      ['whose post failed', { postExitCode: 1 }, 'unclear'],
      ['that had to be ended', { hung: ['post'] }, 'hung'],
    ],
  ],
  [
    'a failure',
    FAILURE,
    [
      ['with nothing left', {}, 'failed clean'],
      ['before anything was made', { templates: 0, runs: 0 }, 'failed clean'],
      ['that keeps its template and says so', { ...KEPT, postLog: DELETE_TEMPLATE }, 'failed clean'],
      ['that keeps its template in silence', KEPT, 'leaked'],
      ['whose run goes on in silence', { goingOn: [TEMPLATE] }, 'leaked'],
      ['with a blob', { left: { ...SUCCESS.left, blobs: [BLOB] } }, 'leaked'],
      ['without an error', { errors: [] }, 'unclear'],
      ['with two errors', { errors: [ERROR, ERROR] }, 'unclear'],
      ['that does not say what failed', { errors: ['socket hang up\nCause: x'] }, 'unclear'],
      ['that does not say what to do', { errors: [ERROR.split('\n')[0] ?? ''] }, 'unclear'],
      ['that blames something else', { errors: [NO_WHY] }, 'unclear'],
      ['by a process that died', { main: { exitCode: null, signal: 'SIGABRT' } }, 'unclear'],
    ],
  ],
  [
    'a killed main',
    KILLED,
    [
      ['with nothing left', {}, 'failed clean'],
      ['whose image was there by then', { images: 1 }, 'failed clean'],
      ['whose run goes on', { goingOn: [TEMPLATE] }, 'leaked'],
      ['with a template, told as after a failure', { ...KEPT, postLog: DELETE_TEMPLATE }, 'leaked'],
      ['with a template and a warning, for no reason', { ...KEPT, warnings: [DELETE_TEMPLATE] }, 'unclear'],
      ['that was not killed', { main: { exitCode: 1, signal: null } }, 'unclear'],
    ],
  ],
  [
    'a cancelled job',
    CANCELLED,
    [
      ['with nothing left', {}, 'failed clean'],
      ['whose run goes on', { goingOn: [TEMPLATE] }, 'leaked'],
      ['whose main stayed until it was killed', { main: { exitCode: null, signal: 'SIGKILL' } }, 'unclear'],
      ['with an error of its own', { errors: [ERROR] }, 'unclear'],
      ['that is a failure', { conclusion: 'failure' }, 'unclear'],
    ],
  ],
])('%s', (_, usual, rows) => {
  test.each(rows)('%s', (__, change, name) => {
    expect(judge({ ...usual, ...change }).name).toBe(name)
  })
})

test('a script that fails does so whatever happens, and its template stays', () => {
  const expected = { headline: /^Customizer 3 of 3: / }
  const failing = { ...FAILURE, ...KEPT, postLog: DELETE_TEMPLATE, errors: ['Customizer 3 of 3: x'] }
  expect(judge(failing, expected).name).toBe('survived')
  expect(judge({ ...failing, errors: [NO_WHY] }, expected).name).toBe('failed clean')
  expect(judge(SUCCESS, expected).name).toBe('unclear')
})
