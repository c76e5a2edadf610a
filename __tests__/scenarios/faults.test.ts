/**
 * A few of the faults of `npm run test:faults`, which plays them all: each at one request of a build, judged as there.
 * They are those that tell most and that no other scenario has; a build meets several, each at another request.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { FaultName, Incident } from '../faults/incidents.ts'
import type { KnownRequest } from '../faults/requests.ts'
import { Stand } from '../faults/stand.ts'
import { judge, type VerdictName } from '../faults/verdict.ts'

type Known = Pick<KnownRequest, 'stage' | 'service' | 'match'>

const TEMPLATE = String.raw`/imageTemplates/t_[^/?]+`
const ID_TOKEN: Known = { stage: 'main', service: 'github', match: '^GET .*audience=' }
const TOKEN: Known = { stage: 'main', service: 'entra', match: String.raw`^POST .*/oauth2/v2\.0/token` }
const PUT: Known = { stage: 'main', service: 'resource-manager', match: String.raw`^PUT .*${TEMPLATE}\?` }
const RUN: Known = { ...PUT, match: String.raw`^POST .*${TEMPLATE}/run\?` }
const OUTPUT: Known = { ...PUT, match: `^GET .*${TEMPLATE}/runOutputs/` }
const DELETE: Known = { ...PUT, stage: 'post', match: String.raw`^DELETE .*${TEMPLATE}\?` }
const COMMIT: Known = { stage: 'main', service: 'blob', match: '^PUT .*comp=blocklist' }
const KEY: Known = { ...COMMIT, match: '^POST .*comp=userdelegationkey' }
const DELETE_BLOB: Known = { ...COMMIT, stage: 'post', match: '^DELETE /stcontosobuild/' }

/** The first of its shape. */
const first = (known: Known): KnownRequest => ({ ...known, shape: known.match, occurrence: 1 })
const faults = (...strikes: [FaultName, Known][]): Incident => ({
  kind: 'faults',
  group: 'faults',
  strikes: strikes.map(([fault, known]) => ({ fault, request: first(known) })),
})
const lasting = (fault: FaultName, known: Known): Incident => ({
  kind: 'faults',
  group: 'for ever',
  strikes: [{ fault, request: first(known), forEver: true }],
})

const INCIDENTS: [string, Incident, VerdictName][] = [
  [
    'an Entra ID that is gone when post comes',
    lasting('500', { ...TOKEN, stage: 'post' }),
    'survived, leftovers told',
  ],
  [
    'half an ID token, half an answer to the PUT of the template, a start of the run that is never answered; ' +
      'no ID token for post at first, two deletions whose answers are lost',
    faults(
      ['cut', ID_TOKEN],
      ['cut', PUT],
      ['hang after', RUN],
      ['reset', { ...ID_TOKEN, stage: 'post' }],
      ['reset after', DELETE],
      ['reset after', DELETE_BLOB],
    ),
    'survived',
  ],
  [
    'half a key to sign with, throttling until a date, a connection that breaks in its handshake while a run begins, ' +
      'half a run output; no answer to the deletion of the template',
    faults(['cut', KEY], ['429 by date', PUT], ['tls after', RUN], ['cut', OUTPUT], ['hang', DELETE]),
    'survived',
  ],
  [
    'a cancel between upload and signature',
    { kind: 'cancel', group: 'cancelled', at: first(COMMIT) },
    'failed clean',
  ],
]

let stand: Stand
beforeAll(async () => {
  stand = await Stand.open('image')
})
afterAll(() => stand.close())

test.each(INCIDENTS)('%s', async (_, incident, verdict) => {
  expect(judge(await stand.play(incident))).toEqual({ name: verdict, reason: '' })
})
