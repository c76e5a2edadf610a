/** GitHub as a workflow job sees it: the OIDC provider, and the results service that stores artifacts. */
import type { JWTPayload } from 'jose'
import type { Certificates } from './certificates.ts'
import { idTokenClaims, ownerOf, runtimeClaims, type RunningJob } from './github/job-claims.ts'
import { makeSigner, type Signer } from './jwt.ts'
import type { Blobs, GitHub } from './parts.ts'
import { startResults } from './github/results.ts'
import { serve, type Reply, type Request } from './server.ts'
import { newId, type World } from './world.ts'

const RUNTIME_TOKEN_LIFETIME_SECONDS = 6 * 60 * 60
/** A real ID token is valid from ten minutes before its issue (example token of GitHub's OIDC reference). */
const BACKDATED_SECONDS = 600

/** The claims of a token that GitHub signed, its times unchecked; undefined for any other text. */
export type VerifyIdToken = (token: string) => Promise<JWTPayload | undefined>

type Issue = (claims: JWTPayload, lifetimeSeconds: number) => Promise<string>
/** Whose runtime token a request carries. */
type FindJob = (request: Request) => RunningJob | undefined

/** Starts the OIDC provider and the results service. `blobs` is asked at the first artifact, not before. */
export async function startGitHub(
  world: World,
  certificates: Certificates,
  blobs: () => Blobs,
): Promise<GitHub & { verifyIdToken: VerifyIdToken; close: () => Promise<void> }> {
  const signer = await makeSigner()
  const issue = issuing(world, signer)
  const jobs = new Map<string, RunningJob>()
  const findJob: FindJob = (request) =>
    jobs.get(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '')

  const path = `/_apis/distributedtask/hubs/Actions/plans/${newId()}/jobs/${newId()}/idtoken`
  const server = await serve({
    service: 'github',
    world,
    certificates,
    routes: [{ method: 'GET', path, handle: idTokenEndpoint(world, issue, findJob) }],
    notFound: () => ({ status: 404, body: { message: 'Not Found' } }),
  })
  const results = await startResults(world, certificates, blobs, findJob)
  return {
    idTokenRequestUrl: `${server.url}${path}?api-version=2.0`,
    resultsUrl: `${results.url}/`,
    startJob: async (job) => {
      const running = { job, jobId: newId() }
      const token = await issue(runtimeClaims(running), RUNTIME_TOKEN_LIFETIME_SECONDS)
      jobs.set(token, running)
      return token
    },
    artifacts: results.artifacts,
    verifyIdToken: signer.verify,
    close: async () => {
      await Promise.all([server.close(), results.close()])
    },
  }
}

/** Signs claims with their times put in, and notes the token as a secret. */
function issuing(world: World, signer: Signer): Issue {
  return async (claims, lifetimeSeconds) => {
    const iat = Math.floor(world.now() / 1000)
    const token = await signer.sign({
      ...claims,
      nbf: iat - BACKDATED_SECONDS,
      exp: iat + lifetimeSeconds,
      iat,
    })
    world.secrets.add(token)
    return token
  }
}

function idTokenEndpoint(world: World, issue: Issue, findJob: FindJob) {
  return async (request: Request): Promise<Reply> => {
    const running = findJob(request)
    // The status is known from use, the body's wording assumed; the toolkit prints `message`.
    if (!running) return { status: 401, body: { message: 'Unauthorized' } }
    const audience = request.url.searchParams.get('audience') ?? `https://github.com/${ownerOf(running.job)}`
    const claims = { ...idTokenClaims(running), aud: audience }
    return { status: 200, body: { value: await issue(claims, world.options.idTokenLifetimeSeconds) } }
  }
}
