/** Workload identity federation: whether an ID token of another issuer may stand for an application. */
import { decodeJwt, type JWTPayload } from 'jose'
import { refusals } from './aadsts.ts'
import type { VerifyIdToken } from '../github.ts'
import type { Application, FederatedCredential } from '../seed.ts'

/**
 * Matches an ID token with the application's federated credentials, then checks signature and times. That the
 * match comes first, the order of issuer, audience and subject, and 50027 for a bad signature are assumed.
 * Entra's leeway for clocks is unknown; there is none here, so a token is refused from its very expiry.
 */
export async function checkAssertion(
  assertion: string,
  application: Application,
  verifyIdToken: VerifyIdToken,
  now: number,
): Promise<void> {
  const claims = decodeClaims(assertion)
  matchCredential(claims, application)
  if (!(await verifyIdToken(assertion))) throw refusals.malformedAssertion()
  const [from, until] = [(claims.nbf ?? 0) * 1000, (claims.exp ?? 0) * 1000]
  if (now < from || now >= until) throw refusals.outsideValidity(now, from, until)
}

function matchCredential(claims: JWTPayload, application: Application): void {
  const { iss: issuer = '', sub: subject = '' } = claims
  const audience = [claims.aud ?? ''].flat()[0] ?? ''
  const all = application.federatedCredentials
  if (all.length === 0) throw refusals.noFederatedCredential(application.clientId)
  const isMatch = (one: FederatedCredential): boolean =>
    one.issuer === issuer && one.subject === subject && one.audience === audience
  if (application.oldWording && !all.some(isMatch)) throw refusals.noMatchAtAll(issuer, subject, audience)
  const byIssuer = all.filter((credential) => credential.issuer === issuer)
  if (byIssuer.length === 0) throw refusals.noMatch(700211, 'issuer', issuer)
  const byAudience = byIssuer.filter((credential) => credential.audience === audience)
  if (byAudience.length === 0) throw refusals.noMatch(700212, 'audience', audience)
  if (byAudience.some((credential) => credential.subject === subject)) return
  const differsInCase = byAudience.some(
    (credential) => credential.subject.toLowerCase() === subject.toLowerCase(),
  )
  throw differsInCase ? refusals.wrongCase(subject) : refusals.noMatch(700213, 'subject', subject)
}

function decodeClaims(token: string): JWTPayload {
  try {
    return decodeJwt(token)
  } catch {
    throw refusals.malformedAssertion()
  }
}
