/**
 * A few of the faults of `npm run test:faults`, which plays them all: each at one request of a build, judged as there.
 * They are those that tell most and that no other scenario has.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { FaultName, Incident } from '../faults/incidents.ts'
import type { KnownRequest } from '../faults/requests.ts'
import { Stand } from '../faults/stand.ts'
import { judge, type Verdict, type VerdictName } from '../faults/verdict.ts'

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
  // The longest one first: post gives up late.
  [
    'an Entra ID that is gone when post comes',
    lasting('500', { ...TOKEN, stage: 'post' }),
    'survived, leftovers told',
  ],
  ['half an ID token', faults(['cut', ID_TOKEN]), 'survived'],
  ['no ID token for post at first', faults(['reset', { ...ID_TOKEN, stage: 'post' }]), 'survived'],
  ['half an answer to the PUT of the template', faults(['cut', PUT]), 'survived'],
  ['throttling until a date', faults(['429 by date', PUT]), 'survived'],
  ['a start of the run that is never answered', faults(['hang after', RUN]), 'survived'],
  ['a connection that breaks in its handshake while a run begins', faults(['tls after', RUN]), 'survived'],
  ['half a key to sign with, and half a run output', faults(['cut', KEY], ['cut', OUTPUT]), 'survived'],
  [
    'two deletions whose answers are lost',
    faults(['reset after', DELETE], ['reset after', DELETE_BLOB]),
    'survived',
  ],
  ['no answer to the deletion of the template', faults(['hang', DELETE]), 'survived'],
  [
    'a cancel between upload and signature',
    { kind: 'cancel', group: 'cancelled', at: first(COMMIT) },
    'failed clean',
  ],
]

let stands: Stand[]
let played: Map<string, Promise<Verdict>>
beforeAll(async () => {
  stands = await Promise.all([Stand.open('image'), Stand.open('image')])
  played = playAll()
})
afterAll(async () => {
  await Promise.allSettled(played.values())
  await Promise.all(stands.map((stand) => stand.close()))
})

/** Two side by side; each test waits for its own. */
function playAll(): Map<string, Promise<Verdict>> {
  const waiting = INCIDENTS.map(([name, incident]) => ({
    name,
    incident,
    ...Promise.withResolvers<Verdict>(),
  }))
  const verdicts = new Map(waiting.map(({ name, promise }) => [name, promise]))
  const work = async (stand: Stand): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await stand
        .play(next.incident)
        .then((evidence) => judge(evidence))
        .then(next.resolve, next.reject)
    }
  }
  for (const stand of stands) void work(stand)
  for (const promise of verdicts.values()) promise.catch(() => undefined) // told by its test
  return verdicts
}

test.each(INCIDENTS)('%s', async (name, _, verdict) => {
  expect(await played.get(name)).toEqual({ name: verdict, reason: '' })
})
