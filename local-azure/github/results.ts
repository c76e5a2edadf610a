/** The Actions results service: artifacts announced by Twirp calls, their bytes put straight into blob storage. */
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { createHash } from 'node:crypto'
import { rememberSignature } from '../blobs/access.ts'
import type { Certificates } from '../certificates.ts'
import type { RunningJob } from './job-claims.ts'
import type { Blobs } from '../parts.ts'
import { serve, type Reply, type Request } from '../server.ts'
import { newId, type World } from '../world.ts'

/** Where artifacts lie: an account of GitHub's own, outside the subscription. */
export const ARTIFACT_STORE = { account: 'actionsresults', container: 'actions-results' }
const SERVICE_PATH = '/twirp/github.actions.results.api.v1.ArtifactService'
/** How long a signed URL works (assumed: the real one lasts about an hour). */
const URL_LIFETIME_MS = 60 * 60_000

interface Artifact {
  id: number
  runId: string
  jobId: string
  name: string
  blob: string
  createdAt: number
  /** Set when the upload was finalized; until then the artifact is not listed. */
  content?: { size: number; digest: string }
}

type Fields = Record<string, unknown>

export interface Results {
  url: string
  artifacts: () => Promise<{ name: string; zip: Buffer }[]>
  close: () => Promise<void>
}

/** Thrown by the methods; answered as a Twirp error `{code, msg}`. */
class TwirpError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Starts the service on its own origin. `findJob` tells whose runtime token a request carries. */
export async function startResults(
  world: World,
  certificates: Certificates,
  blobs: () => Blobs,
  findJob: (request: Request) => RunningJob | undefined,
): Promise<Results> {
  const artifacts: Artifact[] = []
  const methods = artifactMethods(world, blobs, artifacts)

  const handle = async (request: Request): Promise<Reply> => {
    try {
      const name = request.params['method'] ?? ''
      const method = methods[name]
      if (!method) throw new TwirpError(404, 'bad_route', `no handler for path "${request.url.pathname}"`)
      const running = findJob(request)
      if (!running) throw new TwirpError(401, 'unauthenticated', 'invalid runtime token')
      return { status: 200, body: await method(ownFields(name, request, running), running) }
    } catch (error) {
      if (!(error instanceof TwirpError)) throw error
      return { status: error.status, body: { code: error.code, msg: error.message } }
    }
  }

  const server = await serve({
    service: 'results',
    world,
    certificates,
    routes: [{ method: 'POST', path: `${SERVICE_PATH}/{method}`, handle }],
    notFound: () => ({ status: 404, body: { code: 'bad_route', msg: 'no handler' } }),
  })
  return {
    url: server.url,
    artifacts: () =>
      Promise.all(
        artifacts
          .filter((artifact) => artifact.content)
          .map(async (artifact) => ({ name: artifact.name, zip: await readZip(blobs(), artifact) })),
      ),
    close: server.close,
  }
}

type Method = (fields: Fields, running: RunningJob) => unknown

function artifactMethods(world: World, blobs: () => Blobs, artifacts: Artifact[]): Record<string, Method> {
  const inRun = (running: RunningJob): Artifact[] =>
    artifacts.filter((artifact) => artifact.runId === running.job.runId)
  const named = (fields: Fields, running: RunningJob): Artifact => {
    const found = inRun(running).find((artifact) => artifact.name === fields['name'])
    if (!found) throw new TwirpError(404, 'not_found', 'artifact not found')
    return found
  }
  return {
    CreateArtifact: (fields, running) => {
      const name = validName(fields['name'])
      if (inRun(running).some((artifact) => artifact.name === name)) {
        throw new TwirpError(
          409,
          'already_exists',
          'an artifact with this name already exists on the workflow run',
        )
      }
      const artifact = newArtifact(world, running, name, artifacts.length + 1)
      artifacts.push(artifact)
      return { ok: true, signed_upload_url: signedUrl(world, blobs(), artifact, 'rcw') }
    },
    FinalizeArtifact: async (fields, running) => {
      const artifact = named(fields, running)
      artifact.content = await checkUpload(blobs(), artifact, fields)
      return { ok: true, artifact_id: String(artifact.id) }
    },
    ListArtifacts: (fields, running) => ({
      artifacts: inRun(running)
        .filter((artifact) => artifact.content && matches(artifact, fields))
        .map(describe),
    }),
    GetSignedArtifactURL: (fields, running) => {
      const artifact = named(fields, running)
      // A job reads what another one uploaded: it asks with the IDs that the list gave (the toolkit's code).
      if (fields['workflow_job_run_backend_id'] !== artifact.jobId) {
        throw new TwirpError(404, 'not_found', 'artifact not found')
      }
      return { signed_url: signedUrl(world, blobs(), artifact, 'r') }
    },
  }
}

/** The request's JSON; the run that it names must be that of its token, and so must the job, but to read an artifact. */
function ownFields(method: string, request: Request, running: RunningJob): Fields {
  const fields = parseFields(request.body)
  const isOwnJob = fields['workflow_job_run_backend_id'] === running.jobId
  if (
    fields['workflow_run_backend_id'] !== running.job.runId ||
    !(isOwnJob || method === 'GetSignedArtifactURL')
  ) {
    throw new TwirpError(403, 'permission_denied', 'the token is not valid for this workflow run or job')
  }
  return fields
}

function parseFields(body: Buffer): Fields {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    if (typeof parsed === 'object' && parsed !== null) return parsed as Fields
  } catch {
    // Told below, together with JSON that is not an object.
  }
  throw new TwirpError(400, 'malformed', 'the json request could not be decoded')
}

/** Names that the service takes: not empty, none of `" : < > | * ? CR LF \ /` (documented). */
function validName(name: unknown): string {
  if (typeof name !== 'string' || !/^[^":<>|*?\r\n\\/]+$/.test(name)) {
    throw new TwirpError(400, 'invalid_argument', 'the artifact name is not valid')
  }
  return name
}

function newArtifact(world: World, { job, jobId }: RunningJob, name: string, id: number): Artifact {
  const blob = `workflow-run-${job.runId}/workflow-job-run-${jobId}/artifacts/${newId()}.zip`
  return { id, runId: job.runId, jobId, name, blob, createdAt: world.now() }
}

/** Compares the stored blob with what the client says it uploaded (that the service refuses, and how, is assumed). */
async function checkUpload(
  blobs: Blobs,
  artifact: Artifact,
  fields: Fields,
): Promise<{ size: number; digest: string }> {
  const zip = await readZip(blobs, artifact)
  const digest = `sha256:${createHash('sha256').update(zip).digest('hex')}`
  if (fields['size'] !== String(zip.length)) {
    throw new TwirpError(400, 'invalid_argument', `the uploaded blob has ${zip.length} bytes`)
  }
  if (fields['hash'] !== undefined && fields['hash'] !== digest) {
    throw new TwirpError(400, 'invalid_argument', `the hash of the uploaded blob is ${digest}`)
  }
  return { size: zip.length, digest }
}

async function readZip(blobs: Blobs, artifact: Artifact): Promise<Buffer> {
  const zip = await blobs.read(ARTIFACT_STORE.account, ARTIFACT_STORE.container, artifact.blob)
  if (!zip) throw new TwirpError(404, 'not_found', 'the artifact was not uploaded')
  return zip
}

function matches(artifact: Artifact, fields: Fields): boolean {
  const { name_filter: name, id_filter: id } = fields
  return (name === undefined || name === artifact.name) && (id === undefined || id === String(artifact.id))
}

function describe(artifact: Artifact): Fields {
  return {
    workflow_run_backend_id: artifact.runId,
    workflow_job_run_backend_id: artifact.jobId,
    database_id: String(artifact.id),
    name: artifact.name,
    size: String(artifact.content?.size ?? 0),
    created_at: new Date(artifact.createdAt).toISOString(),
    digest: artifact.content?.digest,
  }
}

function signedUrl(world: World, blobs: Blobs, artifact: Artifact, permissions: string): string {
  const { account, container } = ARTIFACT_STORE
  const query = generateBlobSASQueryParameters(
    {
      containerName: container,
      blobName: artifact.blob,
      permissions: BlobSASPermissions.parse(permissions),
      protocol: SASProtocol.Https,
      expiresOn: new Date(world.now() + URL_LIFETIME_MS),
    },
    new StorageSharedKeyCredential(account, blobs.keys(account)[0]),
  ).toString()
  rememberSignature(world, new URLSearchParams(query))
  return `${blobs.endpoint(account)}${container}/${artifact.blob}?${query}`
}
