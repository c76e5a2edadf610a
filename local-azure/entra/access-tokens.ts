/** Access tokens: how Entra issues them and how Resource Manager and Storage judge them. */
import type { JWTPayload } from 'jose'
import type { Signer } from '../jwt.ts'
import type { TokenAuthority, TokenRefusal } from '../parts.ts'
import { newId, type Principal, type World } from '../world.ts'

/** Issues and verifies tokens of the seed's tenant with one key. */
export function makeTokenAuthority(world: World, signer: Signer): TokenAuthority {
  const { tenantId } = world.seed
  const issuer = `https://sts.windows.net/${tenantId}/`
  return {
    issue: async (principal, audience) => {
      const iat = Math.floor(world.now() / 1000)
      const times = { iat, nbf: iat, exp: iat + world.options.accessTokenLifetimeSeconds }
      const claims = applicationClaims(principal, tenantId, issuer)
      const token = await signer.sign({ ...claims, ...times, aud: audience })
      world.secrets.add(token)
      return token
    },
    verify: async (token, audiences) => {
      if (!token) {
        return refuse('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.")
      }
      const claims = await signer.verify(token)
      if (claims?.iss !== issuer) return refuse('InvalidAuthenticationToken', 'The access token is invalid.')
      return judgeClaims(claims, audiences, world.now())
    },
  }
}

/** The claims of a version 1.0 token for an application, as Resource Manager and Storage get them. */
function applicationClaims(principal: Principal, tenantId: string, issuer: string): JWTPayload {
  return {
    iss: issuer,
    idp: issuer,
    appid: principal.clientId,
    appidacr: '2',
    idtyp: 'app',
    oid: principal.objectId,
    sub: principal.objectId,
    tid: tenantId,
    uti: newId(),
    ver: '1.0',
  }
}

/** Expiry and audience of a token whose signature is known to be good, in Resource Manager's words. */
function judgeClaims(claims: JWTPayload, audiences: string[], now: number): Principal | TokenRefusal {
  const expiry = (claims.exp ?? 0) * 1000
  if (expiry <= now) {
    return refuse(
      'ExpiredAuthenticationToken',
      `The access token expiry UTC time '${usTime(expiry)}' is earlier than current UTC time '${usTime(now)}'.`,
    )
  }
  const audience = String(claims.aud)
  const isAllowed = audiences.some((allowed) => withoutSlash(allowed) === withoutSlash(audience))
  if (!isAllowed) {
    return refuse(
      'InvalidAuthenticationTokenAudience',
      `The access token has been obtained for wrong audience or resource '${audience}'. It should exactly match ` +
        `with one of the allowed audiences '${audiences.join("','")}'.`,
    )
  }
  return { objectId: String(claims['oid']), clientId: String(claims['appid']) }
}

function refuse(code: string, message: string): TokenRefusal {
  return { code, message }
}

function withoutSlash(audience: string): string {
  return audience.replace(/\/$/, '')
}

/** As Resource Manager prints times: `5/13/2024 6:05:58 PM`, with a plain blank where ICU puts a narrow one. */
function usTime(milliseconds: number): string {
  return new Date(milliseconds)
    .toLocaleString('en-US', { timeZone: 'UTC' })
    .replace(',', '')
    .replaceAll('\u202f', ' ')
}
