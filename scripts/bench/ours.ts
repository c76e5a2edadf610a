/**
 * The action's own way with an artifact, as `src/build.ts` goes it, in a process of its own: bundled as the action is.
 * Usage: `node index.js zip|tar.gz`; where from and where to are in the environment.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { packArtifact } from '../../src/archive.ts'
import { ResourceManager } from '../../src/azure/arm.ts'
import { ArtifactStore } from '../../src/azure/storage.ts'
import { Patience } from '../../src/patience.ts'
import type { Clock } from '../../src/ports.ts'

const {
  BENCH_TREE: tree = '',
  BENCH_ENDPOINT: blobEndpoint = '',
  BENCH_CONTAINER: container = '',
  BENCH_BLOB: blob = '',
  BENCH_TOKEN: token = '',
} = process.env
const credential = {
  getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 60 * 60_000 }),
  forget: () => undefined,
}
const nothing = (): void => undefined
const clock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal ? { signal } : {}),
  unique: () => ({ now: Date.now(), random: '' }),
}
const patience = new Patience({ clock, debug: nothing, notice: nothing })
// Asked for account keys alone, which a token makes needless.
const arm = new ResourceManager({
  endpoint: 'https://127.0.0.1',
  scope: '',
  credential,
  userAgent: 'bench',
  patience,
})
const store = new ArtifactStore(
  { id: '', name: 'bench', blobEndpoint, allowsKeys: false, refusesNetworks: false },
  { arm, credential, storageScope: '', patience, mask: nothing, debug: nothing },
)
const archive = await packArtifact(tree, process.argv[2] === 'zip' ? 'zip' : 'tar.gz')
await store.upload({ container, blob }, archive, {}, nothing, new AbortController().signal)
archive.digest()
