/**
 * Entra's refusals: error, status, number and text of each. Texts are recorded ones (2023 to 2026) unless a
 * comment says otherwise.
 */
import type { Reply } from '../server.ts'
import { newId } from '../world.ts'

const FEDERATION_HINT =
  'Check your federated identity credential Subject, Audience and Issuer against the presented assertion.'
const FEDERATION_DOCS = 'https://learn.microsoft.com/entra/workload-id/workload-identity-federation'

/** Thrown by the token endpoint; answered by `refusalReply`. */
export class EntraRefusal extends Error {
  readonly status: number
  readonly error: string
  readonly code: number

  constructor(status: number, error: string, code: number, message: string) {
    super(message)
    this.status = status
    this.error = error
    this.code = code
  }
}

export const refusals = {
  missingParameter: (name: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'invalid_request',
      900144,
      `The request body must contain the following parameter: '${name}'.`,
    ),
  unsupportedGrant: (grant: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'unsupported_grant_type',
      70003,
      `The app requested an unsupported grant type '${grant}'.`,
    ),
  /** The token endpoint says `invalid_request`, discovery `invalid_tenant`. */
  unknownTenant: (tenant: string, error: 'invalid_request' | 'invalid_tenant'): EntraRefusal =>
    new EntraRefusal(
      400,
      error,
      90002,
      `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into ` +
        'the correct cloud. Check with your subscription administrator, this may happen if there are no ' +
        'active subscriptions for the tenant.',
    ),
  unknownApplication: (clientId: string, tenant: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'unauthorized_client',
      700016,
      `Application with identifier '${clientId}' was not found in the directory '${tenant}'. This can happen ` +
        'if the application has not been installed by the administrator of the tenant or consented to by any ' +
        'user in the tenant. You may have sent your authentication request to the wrong tenant.',
    ),
  noCredential: (): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      7000216,
      "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    ),
  wrongSecret: (clientId: string): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      7000215,
      'Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, ' +
        `not the client secret ID, for a secret added to app '${clientId}'.`,
    ),
  malformedAssertion: (): EntraRefusal =>
    new EntraRefusal(400, 'invalid_request', 50027, 'JWT token is invalid or malformed.'),
  noFederatedCredential: (clientId: string): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      70025,
      `The client '${clientId}' has no configured federated identity credentials.`,
    ),
  noMatch: (
    code: 700211 | 700212 | 700213,
    claim: 'issuer' | 'audience' | 'subject',
    value: string,
  ): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      code,
      `No matching federated identity record found for presented assertion ${claim} '${value}'. ` +
        `${FEDERATION_HINT} ${FEDERATION_DOCS}`,
    ),
  /** Text: reported, until 2023. */
  noMatchAtAll: (issuer: string, subject: string, audience: string): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      70021,
      `No matching federated identity record found for presented assertion. Assertion Issuer: '${issuer}'. ` +
        `Assertion Subject: '${subject}'. Assertion Audience: '${audience}'. ${FEDERATION_DOCS}`,
    ),
  /** Text: reported; the application's name stands in the parentheses. */
  disabled: (clientId: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'unauthorized_client',
      7000112,
      `Application '${clientId}'(image-builder) is disabled.`,
    ),
  /** Text: documented; status and `error`: assumed to be those that users get. */
  blocked: (): EntraRefusal =>
    new EntraRefusal(
      400,
      'invalid_grant',
      53003,
      'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
    ),
  wrongCase: (subject: string): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      7002138,
      `No matching federated identity record found for presented assertion subject '${subject}'. The subject ` +
        'matches with case-insensitive comparison, but not with case-sensitive comparison. ' +
        `${FEDERATION_HINT} See documentation at: ${FEDERATION_DOCS}. See breaking change notification and ` +
        'remediation at: https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes#august-2024.',
    ),
  /** Times in milliseconds. */
  outsideValidity: (now: number, from: number, until: number): EntraRefusal =>
    new EntraRefusal(
      401,
      'invalid_client',
      700024,
      `Client assertion is not within its valid time range. Current time: ${ticks(now)}, assertion valid from ` +
        `${ticks(from)}, expiry time of assertion ${ticks(until)}. Review the documentation at ` +
        'https://learn.microsoft.com/entra/identity-platform/certificate-credentials .',
    ),
  scopeWithoutDefault: (scope: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'invalid_scope',
      1002012,
      `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with ` +
        '/.default suffixed to the resource identifier (application ID URI).',
    ),
  malformedScope: (scope: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'invalid_scope',
      70011,
      "The provided request must include a 'scope' input parameter. The provided value for the input parameter " +
        `'scope' is not valid. The scope ${scope} is not valid.`,
    ),
  unknownResource: (resource: string, tenant: string): EntraRefusal =>
    new EntraRefusal(
      400,
      'invalid_resource',
      500011,
      `The resource principal named ${resource} was not found in the tenant named ${tenant}. This can happen if ` +
        'the application has not been installed by the administrator of the tenant or consented to by any user ' +
        'in the tenant. You might have sent your authentication request to the wrong tenant.',
    ),
}

/** The answer that Entra gives, one line of description with trace, correlation and time at its end. */
export function refusalReply(refusal: EntraRefusal, now: number, correlation: string | undefined): Reply {
  const trace = newId()
  const correlationId = correlation ?? newId()
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`
  return {
    status: refusal.status,
    headers: { 'x-ms-request-id': trace, 'Cache-Control': 'no-store, no-cache', Pragma: 'no-cache' },
    body: {
      error: refusal.error,
      error_description:
        `AADSTS${refusal.code}: ${refusal.message} Trace ID: ${trace} Correlation ID: ${correlationId} ` +
        `Timestamp: ${timestamp}`,
      error_codes: [refusal.code],
      timestamp,
      trace_id: trace,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${refusal.code}`,
    },
  }
}

/** Seven fractional digits, as .NET prints times. */
function ticks(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '0000Z')
}
