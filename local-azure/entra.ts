/** Entra ID: federated sign-in of applications with a client assertion, and discovery. */
import { makeTokenAuthority } from './entra/access-tokens.ts'
import { EntraRefusal, refusalReply, refusals } from './entra/aadsts.ts'
import type { Certificates } from './certificates.ts'
import { checkAssertion } from './entra/federation.ts'
import type { VerifyIdToken } from './github.ts'
import { makeSigner } from './jwt.ts'
import type { TokenAuthority } from './parts.ts'
import type { Application } from './seed.ts'
import { serve, type Reply, type Request } from './server.ts'
import type { World } from './world.ts'

/** Resources that the tenant knows: what a scope may name before `/.default`. */
const RESOURCES = [
  /^https:\/\/management\.(?:core\.windows\.net|azure\.com)\/?$/,
  /^https:\/\/storage\.azure\.com\/?$/,
  /^https:\/\/[a-z0-9]{3,24}\.blob\.core\.windows\.net\/?$/,
]
const DEFAULT_SUFFIX = '/.default'
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Starts the authority. Its `url` is what `AZURE_AUTHORITY_HOST` takes; the only tenant is the seed's. */
export async function startEntra(
  world: World,
  certificates: Certificates,
  verifyIdToken: VerifyIdToken,
): Promise<TokenAuthority & { url: string; close: () => Promise<void> }> {
  const signer = await makeSigner()
  const authority = makeTokenAuthority(world, signer)
  const keys = (): Reply => ({ status: 200, body: signer.keySet })
  const token = (request: Request): Promise<Reply> =>
    grant(world, authority, verifyIdToken, new URLSearchParams(request.body.toString('utf8')))
  const openId = (request: Request): Reply => discovery(request, world.seed.tenantId)
  const server = await serve({
    service: 'entra',
    world,
    certificates,
    routes: [
      {
        method: 'GET',
        path: '/{tenant}/v2.0/.well-known/openid-configuration',
        handle: inTenant(world, 'invalid_tenant', openId),
      },
      {
        method: 'GET',
        path: '/{tenant}/discovery/v2.0/keys',
        handle: inTenant(world, 'invalid_tenant', keys),
      },
      {
        method: 'POST',
        path: '/{tenant}/oauth2/v2.0/token',
        handle: inTenant(world, 'invalid_request', token),
      },
    ],
    notFound: () => ({ status: 404 }),
  })
  return { ...authority, url: server.url, close: server.close }
}

type Answer = (request: Request) => Reply | Promise<Reply>

/** Refuses other tenants with `error`, and turns the refusals that `answer` throws into Entra's answers. */
function inTenant(world: World, error: 'invalid_request' | 'invalid_tenant', answer: Answer): Answer {
  return async (request) => {
    try {
      const tenant = request.params['tenant'] ?? ''
      if (tenant.toLowerCase() !== world.seed.tenantId.toLowerCase()) {
        throw refusals.unknownTenant(tenant, error)
      }
      return await answer(request)
    } catch (refusal) {
      if (!(refusal instanceof EntraRefusal)) throw refusal
      const correlation = request.headers['client-request-id']
      return refusalReply(refusal, world.now(), typeof correlation === 'string' ? correlation : undefined)
    }
  }
}

/** The token endpoint for `client_credentials`: an access token without a refresh token. */
async function grant(
  world: World,
  authority: TokenAuthority,
  verifyIdToken: VerifyIdToken,
  form: URLSearchParams,
): Promise<Reply> {
  const { tenantId, applications } = world.seed
  const { application, assertion, scope } = readTokenRequest(form, applications, tenantId)
  // That a disabled application is told so first, and Conditional Access looks last, is assumed.
  if (application.disabled) throw refusals.disabled(application.clientId)
  await checkAssertion(assertion, application, verifyIdToken, world.now())
  const resource = resourceOf(scope, tenantId)
  if (application.blockedByConditionalAccess) throw refusals.blocked()
  const accessToken = await authority.issue(application, resource)
  const lifetime = world.options.accessTokenLifetimeSeconds - 1 // 3599 for an hour, as recorded
  const body = { token_type: 'Bearer', expires_in: lifetime, ext_expires_in: lifetime }
  return { status: 200, body: { ...body, access_token: accessToken } }
}

/** What MSAL reads of an authority outside the public clouds; the issuer must stand on the same origin. */
function discovery(request: Request, tenantId: string): Reply {
  const base = `https://${request.headers.host ?? ''}/${tenantId}`
  return {
    status: 200,
    body: {
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
    },
  }
}

function readTokenRequest(
  form: URLSearchParams,
  applications: Application[],
  tenantId: string,
): { application: Application; assertion: string; scope: string } {
  const grantType = required(form, 'grant_type')
  const clientId = required(form, 'client_id')
  const scope = required(form, 'scope')
  if (grantType !== 'client_credentials') throw refusals.unsupportedGrant(grantType)
  const application = applications.find((known) => known.clientId.toLowerCase() === clientId.toLowerCase())
  if (!application) throw refusals.unknownApplication(clientId, tenantId)
  const assertion = form.get('client_assertion')
  if (!assertion) {
    throw form.has('client_secret') ? refusals.wrongSecret(clientId) : refusals.noCredential()
  }
  // Another type than jwt-bearer is answered like a missing one (assumed).
  if (form.get('client_assertion_type') !== JWT_BEARER)
    throw refusals.missingParameter('client_assertion_type')
  return { application, assertion, scope }
}

/** The resource that a scope names, spelled as the token's `aud` will be: all before `/.default`. */
function resourceOf(scope: string, tenantId: string): string {
  const scopes = scope.split(' ').filter((part) => part !== '')
  const [only = ''] = scopes
  if (scopes.length !== 1) throw refusals.malformedScope(scope)
  if (!only.endsWith(DEFAULT_SUFFIX)) throw refusals.scopeWithoutDefault(only)
  const resource = only.slice(0, -DEFAULT_SUFFIX.length)
  if (!RESOURCES.some((known) => known.test(resource))) throw refusals.unknownResource(resource, tenantId)
  return resource
}

function required(form: URLSearchParams, name: string): string {
  const value = form.get(name)
  if (!value) throw refusals.missingParameter(name)
  return value
}
