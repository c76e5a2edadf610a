/**
 * The local Azure in a process of its own, so that its work is nobody else's: prints where it is, as one line of JSON,
 * and runs until its standard input ends.
 */
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { once } from 'node:events'
import { startLocalAzure } from '../../local-azure/index.ts'
import type { Place } from './place.ts'

const CONTAINER = 'imagebuilder-vststask'
const HOURS = 6

const azure = await startLocalAzure({ accessTokenLifetimeSeconds: HOURS * 3600 })
const { storageAccounts, applications } = azure.world.seed
const account = storageAccounts[0]?.name ?? ''
const [application] = applications
if (!application) throw new Error('the seed has no application')
await azure.blobs.write(account, CONTAINER, 'first', 'makes the container')
const sas = generateBlobSASQueryParameters(
  {
    containerName: CONTAINER,
    permissions: ContainerSASPermissions.parse('rcwl'),
    expiresOn: new Date(Date.now() + HOURS * 3600_000),
  },
  new StorageSharedKeyCredential(account, azure.blobs.keys(account)[0]),
)
const place: Place = {
  endpoint: azure.blobs.ungated(account),
  container: CONTAINER,
  sas: sas.toString(),
  token: await azure.entra.issue(application, 'https://storage.azure.com'),
  caFile: azure.caFile,
}
console.log(JSON.stringify(place))
await once(process.stdin.resume(), 'end')
await azure.close()
