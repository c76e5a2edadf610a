/** Which secrets a run has had, by name, and how often each stands in which place. */
import { findLeaks, type Place } from '../../local-azure/runner/leaks.ts'
import type { LocalAzure } from '../../local-azure/index.ts'
import type { SentRequest } from './sent-requests.ts'

/** Name → the values that a run has had, in every spelling. */
export type Secrets = Record<string, string[]>
/** Name → what is searched there. */
export type Places = Record<string, Place[]>

export const ID_TOKEN = 'ID token of GitHub'
export const REQUEST_TOKEN = 'request token of the job'
export const MANAGEMENT_TOKEN = 'access token for Resource Manager'
export const STORAGE_TOKEN = 'access token for Storage'
export const DELEGATION_KEY = 'user delegation key'
export const SIGNATURE = 'signature of the SAS'
export const UPLOAD_SIGNATURE = "signature of GitHub's upload URL"
export const ACCOUNT_KEYS = ['first account key', 'second account key'] as const

/** What a local Azure knew at a moment. */
export interface Moment {
  secrets: ReadonlySet<string>
  /** Exchanges so far. */
  exchanges: number
}

export function momentOf({ world }: LocalAzure): Moment {
  return { secrets: new Set(world.secrets), exchanges: world.exchanges.length }
}

/** What the local Azure has issued since a moment, by kind; the keys of its accounts are older. */
export function issuedSecrets({ world, blobs }: LocalAzure, since: Moment): Secrets {
  const fresh = [...world.secrets].filter((secret) => !since.secrets.has(secret))
  const exchanges = world.exchanges.slice(since.exchanges)
  const claims = (token: string): Record<string, string> => {
    if (!token.startsWith('eyJ')) return {}
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    return JSON.parse(payload) as Record<string, string>
  }
  const issuedBy = (claim: string, value: RegExp): string[] =>
    fresh.filter((secret) => value.test(claims(secret)[claim] ?? ''))
  const uploads = signaturesIn(
    exchanges.map(({ target }) => target).filter((target) => /\/actionsresults\/.*sig=/.test(target)),
  )
  const signatures = signaturesIn(exchanges.flatMap(({ target, body = '' }) => [target, body]))
  const known = new Set([...signatures, ...uploads])
  const [first, second] = blobs.keys('stcontosobuild')
  return {
    [ID_TOKEN]: issuedBy('iss', /^https:\/\/token\.actions\./),
    [REQUEST_TOKEN]: issuedBy('scp', /Actions\.Results/),
    [MANAGEMENT_TOKEN]: issuedBy('aud', /^https:\/\/management\./),
    [STORAGE_TOKEN]: issuedBy('aud', /^https:\/\/storage\./),
    [ACCOUNT_KEYS[0]]: [first],
    [ACCOUNT_KEYS[1]]: [second],
    [DELEGATION_KEY]: fresh.filter((secret) => !secret.startsWith('eyJ') && !known.has(secret)),
    [SIGNATURE]: signatures.filter((signature) => !uploads.includes(signature)),
    [UPLOAD_SIGNATURE]: uploads,
  }
}

/** Every `sig=` of a URL, as it stands there and decoded. */
function signaturesIn(texts: string[]): string[] {
  const found = texts.flatMap((text) =>
    [...text.matchAll(/[?&]sig=([\w%.~+/=-]+)/g)].map(([, sig = '']) => sig),
  )
  return [...new Set(found.flatMap((signature) => [signature, decodeURIComponent(signature)]))]
}

/** How often each secret stands in each place: plain, in base64, hexadecimal, escaped for URLs, JSON or XML. */
export function search(secrets: Secrets, places: Places): Record<string, Record<string, number>> {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, values]) => {
      const spellings = values.flatMap((value) => {
        const hex = Buffer.from(value).toString('hex')
        return [value, hex, hex.toUpperCase()]
      })
      const counts = Object.entries(places).map(
        ([place, parts]) => [place, findLeaks(parts, spellings).length] as const,
      )
      return [name, Object.fromEntries(counts)]
    }),
  )
}

/** The finds as a table in Markdown: a line a secret, a column a place. */
export function findsTable(finds: ReturnType<typeof search>): string {
  const places = Object.keys(Object.values(finds)[0] ?? {})
  const lines = Object.entries(finds).map(([name, counts]) => [name, ...places.map((place) => counts[place])])
  return [['secret', ...places], ['---', ...places.map(() => '---')], ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** The bearer token that a service is to get, by kind. */
const BEARER = {
  github: REQUEST_TOKEN,
  results: REQUEST_TOKEN,
  resourceManager: MANAGEMENT_TOKEN,
  blob: STORAGE_TOKEN,
} as const

/** What of a request must hold no secret, and what it rightly held. */
export interface Sifted {
  rest: string
  rightly: string[]
}

/** Takes out of a request each secret that belongs there: whatever is searched afterwards belongs nowhere. */
export function sift(
  request: SentRequest,
  { endpoints, github, blobs }: LocalAzure,
  secrets: Secrets,
): Sifted {
  const rightly: string[] = []
  const portOf = (url: string): number => Number(new URL(url).port)
  const isOf = (url: string): boolean => request.port === portOf(url)
  const service = isOf(github.idTokenRequestUrl)
    ? 'github'
    : isOf(github.resultsUrl)
      ? 'results'
      : isOf(endpoints.resourceManager)
        ? 'resourceManager'
        : isOf(blobs.endpoint('stcontosobuild'))
          ? 'blob'
          : 'entra'
  let { target, body } = request
  const headers = request.headers.filter(([name, value]) => {
    if (name !== 'authorization') return true
    const [scheme = '', token = ''] = value.split(' ')
    const kind = service === 'entra' ? undefined : BEARER[service]
    const isToken = scheme === 'Bearer' && kind !== undefined && secrets[kind]?.includes(token) === true
    if (isToken) rightly.push(kind)
    return !isToken
  })
  const take = (kind: string, text: string, pattern: RegExp): string =>
    text.replace(pattern, (whole, value: string) => {
      if (!secrets[kind]?.includes(value)) return whole
      rightly.push(kind)
      return ''
    })
  if (service === 'entra') body = take(ID_TOKEN, body, /(?<=(?:^|&)client_assertion=)([^&]+)/)
  if (
    service === 'resourceManager' &&
    request.method === 'PUT' &&
    /\/imageTemplates\/[^/]+$/.test(path(target))
  )
    body = take(SIGNATURE, body, /(?<=\?sv=[^"\\\s]*&sig=)([\w%]+)/g)
  if (service === 'blob' && target.startsWith('/actionsresults/'))
    target = take(UPLOAD_SIGNATURE, target, /(?<=[?&]sig=)([^&]+)/)
  const lines = [`${request.method} ${target}`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  return { rest: `${lines.join('\n')}\n\n${body}`, rightly }
}

function path(target: string): string {
  return target.replace(/\?.*/s, '')
}
