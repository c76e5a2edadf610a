/** Signs a request with an account's key, for what Azurite takes no token for ("Authorize with Shared Key", documented). */
import { createHmac } from 'node:crypto'
import type { BlobRequest } from './access.ts'

/** In the order in which they are signed. */
const SIGNED_HEADERS = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
]

/**
 * Whether Azure takes a token for this request and Azurite does not: for a container's permissions, for which Azure
 * has taken one since August 2025 (documented).
 */
export function needsKeyForToken({ headers, query }: BlobRequest): boolean {
  return query.get('comp') === 'acl' && headers.authorization?.startsWith('Bearer ') === true
}

/** The value of `Authorization` for a request as it is; `key` is base64. */
export function signWithKey(request: BlobRequest, key: string): string {
  const { account, headers, method, query } = request
  const valueOf = (name: string): string => {
    const value = String(headers[name] ?? '')
    return name === 'content-length' && value === '0' ? '' : value
  }
  const own = Object.keys(headers).filter((name) => name.startsWith('x-ms-'))
  const { pathname } = new URL(request.target, 'https://localhost')
  const text = [
    method,
    ...SIGNED_HEADERS.map(valueOf),
    ...own.sort().map((name) => `${name}:${valueOf(name)}`),
    `/${account}${pathname}`,
    ...[...query].map(([name, value]) => `${name.toLowerCase()}:${value}`).sort(),
  ].join('\n')
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64')
  return `SharedKey ${account}:${signature}`
}
