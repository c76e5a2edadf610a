/** Files and scripts of a template: fetched once, when it is submitted, into the staging account (documented). */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { get } from 'node:https'
import type {
  Customizer,
  FileStep,
  PowerShellStep,
  ShellStep,
  TemplateProperties,
  Validator,
  Workload,
} from './image-template.ts'
import { letsIn, SUBNET_HEADER } from '../blobs/firewall.ts'
import type { Blobs } from '../parts.ts'
import { STORAGE_ACCOUNT_TYPE } from '../resource-manager/storage-accounts.ts'
import { notAuthorized, SubmissionFailure } from './submission-failure.ts'
import { newId, type Principal, type World } from '../world.ts'

/** Container in the staging account (its name is assumed). */
const CONTAINER = 'customizers'
const BLOB_READ = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'

/** One step of a template that takes a file from somewhere. */
interface Download {
  step: FileStep | ShellStep | PowerShellStep | Workload
  url: string
  blob: string
}

export type StepKind = 'customizer' | 'validator'

/** Name of the staged copy of a step's file. */
function stagedName(kind: StepKind | 'workload', index: number): string {
  return `${index}.${kind}.fp`
}

/** The staged copy of what a step downloads. */
export async function stagedFile(
  blobs: Blobs,
  account: string,
  kind: StepKind,
  index: number,
): Promise<Buffer> {
  const content = await blobs.read(account, CONTAINER, stagedName(kind, index))
  if (!content) throw new Error(`The staging account ${account} has lost ${stagedName(kind, index)}.`)
  return content
}

/** Where blobs are, and with whose eyes and trust they are fetched. */
export interface Fetching {
  world: World
  blobs: Blobs
  /** File with the certificate authority that downloads trust. */
  caFile: string
  identity: Principal
  account: string
  /** The subnet of the container that fetches, if it is the user's own: what an account's firewall goes by. */
  subnet: string | undefined
}

/** Fetches every file, checks the given checksums, and sets those of scripts that came without (recorded). */
export async function stageArtifacts(fetching: Fetching, properties: TemplateProperties): Promise<void> {
  const downloads = [
    ...downloadsOf('customizer', properties.customize ?? []),
    ...downloadsOf('validator', properties.validate?.inVMValidations ?? []),
    ...workloadOf(properties.optimize?.workload),
  ]
  for (const { step, url, blob } of downloads) {
    const content = await fetched(fetching, url, blob)
    const actual = createHash('sha256').update(content).digest('hex')
    if (step.sha256Checksum !== undefined && step.sha256Checksum !== actual) {
      // What the service says of a wrong checksum is not recorded: the part after `failed:` is assumed.
      const reason = `SHA256 checksum of the file is '${actual}', expected '${step.sha256Checksum}'`
      throw downloadFailed(url, blob, reason)
    }
    if (!('sourceUri' in step)) step.sha256Checksum = actual
    await fetching.blobs.write(fetching.account, CONTAINER, blob, content)
  }
}

function downloadsOf(kind: StepKind, steps: (Customizer | Validator)[]): Download[] {
  return steps.flatMap((step, i) => {
    if (step.type === 'WindowsRestart' || step.type === 'WindowsUpdate') return []
    const url = step.type === 'File' ? step.sourceUri : step.scriptUri
    return url === undefined ? [] : [{ step, url, blob: stagedName(kind, i) }]
  })
}

/** Fetched like other scripts when it is given, enabled or not (assumed). */
function workloadOf(workload: Workload = {}): Download[] {
  const { scriptUri: url } = workload
  return url === undefined ? [] : [{ step: workload, url, blob: stagedName('workload', 0) }]
}

/**
 * A blob in a storage account is read with the identity's rights unless its URL is signed; even a public one
 * (documented). Everything else is downloaded as anyone would.
 */
async function fetched(fetching: Fetching, url: string, blob: string): Promise<Buffer> {
  const found = blobAt(fetching, url)
  if (!found || new URL(url).searchParams.has('sig')) return await download(fetching, url, blob)
  const { world, blobs, identity, subnet } = fetching
  // How the service words a firewall's refusal is assumed: as a failing download.
  if (!letsIn(world, found.account, { subnet })) throw downloadFailed(url, blob)
  if (!world.allowsData(identity, BLOB_READ, found.scope)) throw notAuthorized(url)
  const content = await blobs.read(found.account, found.container, found.name)
  if (!content) throw downloadFailed(url, blob)
  return content
}

/** The blob that a URL names, if its account is one of ours. */
export function blobAt(
  { world, blobs }: { world: World; blobs: Blobs },
  url: string,
): { account: string; container: string; name: string; scope: string } | undefined {
  for (const account of world.resources.list(STORAGE_ACCOUNT_TYPE)) {
    const endpoint = blobs.endpoint(account.name)
    if (!url.startsWith(endpoint)) continue
    const [container = '', ...name] = decodeURIComponent(
      new URL(url).href.slice(endpoint.length).replace(/\?.*$/, ''),
    ).split('/')
    const scope = `${account.id}/blobServices/default/containers/${container}`
    return { account: account.name, container, name: name.join('/'), scope }
  }
  return undefined
}

async function download(fetching: Fetching, url: string, blob: string): Promise<Buffer> {
  const { world, caFile, subnet = '' } = fetching
  const ca = await readFile(caFile)
  const headers = blobAt(fetching, url) ? { [SUBNET_HEADER]: subnet } : {}
  try {
    return await new Promise((resolve, reject) => {
      const request = get(url, { ca, headers, agent: false, signal: world.closed }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const body = Buffer.concat(chunks)
          if (answer.statusCode === 200) resolve(body)
          else reject(new Error(storageDetail(body.toString())))
        })
      })
      request.on('error', reject)
    })
  } catch (error) {
    throw downloadFailed(url, blob, error instanceof Error && !('code' in error) ? error.message : '')
  }
}

/** What Storage says in detail, as of a signature that has expired. That the service passes it on is assumed. */
function storageDetail(body: string): string {
  return /<AuthenticationErrorDetail>([^<]*)</.exec(body)?.[1] ?? ''
}

/** Text: documented, without a reason. */
function downloadFailed(url: string, blob: string, reason = ''): SubmissionFailure {
  const local = `${newId()}.${blob}`
  const message =
    `Downloading external file (${url}) to local file (${local}) [attempt 1 of 10] failed: Error downloading ` +
    `'${url}' to '${local}'${reason && `: ${reason}`}..`
  return new SubmissionFailure('InternalOperationError', message, 'ServerError')
}
