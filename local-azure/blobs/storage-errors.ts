/** Refusals of Azure Storage: status, code and text, in its XML. Texts are recorded ones unless a comment says so. */
import type { Reply } from '../server.ts'
import { newId } from '../world.ts'

export interface StorageRefusal {
  status: number
  code: string
  message: string
  /** `AuthenticationErrorDetail`, which some refusals carry. */
  detail?: string
  headers?: Record<string, string>
}

const SEE_CHALLENGE =
  'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.'
const CHECK_SIGNATURE =
  'Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly ' +
  'including the signature.'
/** What Storage says of a token, by what Resource Manager would say; the last is for every other fault of it. */
const TOKEN_FAULTS: Record<string, string> = {
  ExpiredAuthenticationToken: 'Lifetime validation failed. The token is expired.',
  InvalidAuthenticationTokenAudience: 'Audience validation failed. Audience did not match.',
}
const BAD_TOKEN = 'Signature validation failed. Signature verification failed.'

export const storageRefusals = {
  publicAccess: (): StorageRefusal => ({
    status: 409,
    code: 'PublicAccessNotPermitted',
    message: 'Public access is not permitted on this storage account.',
  }),
  /** The code is documented; the headers are those of the recorded challenge below. */
  noAuthentication: (tenantId: string): StorageRefusal => ({
    status: 401,
    code: 'NoAuthenticationInformation',
    message: SEE_CHALLENGE,
    headers: challenge(tenantId),
  }),
  /** `fault` is the code with which Resource Manager refuses such a token. */
  invalidToken: (fault: string, tenantId: string): StorageRefusal => ({
    status: 401,
    code: 'InvalidAuthenticationInfo',
    message: SEE_CHALLENGE,
    detail: TOKEN_FAULTS[fault] ?? BAD_TOKEN,
    headers: challenge(tenantId),
  }),
  bearerUnsupported: (): StorageRefusal => ({
    status: 403,
    code: 'AuthenticationFailed',
    message: CHECK_SIGNATURE,
    detail: 'Authentication scheme Bearer is not supported in this version.',
  }),
  keyAuthentication: (): StorageRefusal => ({
    status: 403,
    code: 'KeyBasedAuthenticationNotPermitted',
    message: 'Key based authentication is not permitted on this storage account.',
  }),
  permissionMismatch: (): StorageRefusal => ({
    status: 403,
    code: 'AuthorizationPermissionMismatch',
    message: 'This request is not authorized to perform this operation using this permission.',
  }),
  /** Of the account's network rules; the same without any (reported). */
  firewall: (): StorageRefusal => ({
    status: 403,
    code: 'AuthorizationFailure',
    message: 'This request is not authorized to perform this operation.',
  }),
  /** How an absent start is printed is assumed. */
  outsideTimeFrame: (frame: { start: number; expiry: number }, now: number): StorageRefusal => ({
    status: 403,
    code: 'AuthenticationFailed',
    message: CHECK_SIGNATURE,
    detail:
      `Signature not valid in the specified time frame: Start [${utc(frame.start)}] - ` +
      `Expiry [${utc(frame.expiry)}] - Current [${utc(now)}]`,
  }),
  /** A signature that does not fit; the real detail goes on to quote the text that was signed. */
  wrongSignature: (): StorageRefusal => ({
    status: 403,
    code: 'AuthenticationFailed',
    message: CHECK_SIGNATURE,
    detail: 'Signature did not match.',
  }),
  /** Text as Azurite has it, too; the documented one differs by a few words. */
  invalidMetadata: (): StorageRefusal => ({
    status: 400,
    code: 'InvalidMetadata',
    message: 'The metadata specified is invalid. It has characters that are not permitted.',
  }),
  /** Text as documented. */
  emptyMetadataKey: (): StorageRefusal => ({
    status: 400,
    code: 'EmptyMetadataKey',
    message: 'The key for one of the metadata key-value pairs is empty.',
  }),
  /** Text as documented. */
  metadataTooLarge: (): StorageRefusal => ({
    status: 400,
    code: 'MetadataTooLarge',
    message: 'The size of the specified metadata exceeds the maximum size permitted.',
  }),
  requestBodyTooLarge: (): StorageRefusal => ({
    status: 413,
    code: 'RequestBodyTooLarge',
    message: 'The request body is too large and exceeds the maximum permissible limit.',
  }),
  /** Text as documented. */
  blockListTooLong: (): StorageRefusal => ({
    status: 400,
    code: 'BlockListTooLong',
    message: 'The block list may not contain more than 50,000 blocks.',
  }),
  /** The real answer goes on to name both values. */
  md5Mismatch: (): StorageRefusal => ({
    status: 400,
    code: 'Md5Mismatch',
    message:
      'The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
  }),
  /**
   * For older anonymous requests, what is not public is not there (documented). Also of an account that is gone: in
   * Azure its host name would not resolve (assumed stand-in).
   */
  resourceNotFound: (): StorageRefusal => ({
    status: 404,
    code: 'ResourceNotFound',
    message: 'The specified resource does not exist.',
  }),
}

/** The answer to send; a HEAD has the same headers and no body. */
export function storageErrorReply(refusal: StorageRefusal, method: string, now: number): Reply {
  const requestId = newId()
  const detail =
    refusal.detail === undefined
      ? ''
      : `<AuthenticationErrorDetail>${refusal.detail}</AuthenticationErrorDetail>`
  const xml =
    `<?xml version="1.0" encoding="utf-8"?><Error><Code>${refusal.code}</Code><Message>${refusal.message}\n` +
    `RequestId:${requestId}\nTime:${new Date(now).toISOString().replace('Z', '0000Z')}</Message>${detail}</Error>`
  return {
    status: refusal.status,
    headers: {
      'x-ms-error-code': refusal.code,
      'x-ms-request-id': requestId,
      'Content-Type': 'application/xml',
      ...refusal.headers,
    },
    ...(method === 'HEAD' ? {} : { body: Buffer.from(xml) }),
  }
}

function challenge(tenantId: string): Record<string, string> {
  const uri = `https://login.microsoftonline.com/${tenantId}/oauth2/authorize`
  return { 'WWW-Authenticate': `Bearer authorization_uri=${uri} resource_id=https://storage.azure.com` }
}

function utc(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toUTCString() : ''
}
