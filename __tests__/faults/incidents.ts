/** What may happen to a build: faults of the services at its requests, and ends of its processes between them. */
import fc from 'fast-check'
import type { Fault, Service } from '../../local-azure/world.ts'
import { nameOf, type KnownRequest } from './requests.ts'

/**
 * Without `after` the service never hears of the request; with it the service has acted, and its answer is lost or another
 * one. `cut`: it has acted, and half of its answer arrives. `tls after`: its next connection breaks in the handshake.
 */
export type FaultName = (typeof FAULT_NAMES)[number]
export const FAULT_NAMES = [
  '408',
  '429',
  '429 in seconds',
  '429 by date',
  '500',
  '502',
  '503',
  'reset',
  'hang',
  '500 after',
  '504 after',
  'reset after',
  'hang after',
  'cut',
  'tls after',
] as const

/** Those that may go on for ever. */
const LASTING: FaultName[] = ['500', 'reset', 'hang', 'tls after']

export interface Strike {
  request: KnownRequest
  fault: FaultName
  /** From this request on, every one of its shape. */
  forEver?: boolean
}

export type Incident =
  | { kind: 'faults'; group: string; strikes: Strike[] }
  | { kind: 'kill' | 'kill post' | 'cancel'; group: string; at: KnownRequest }

/** Each fault of the set at each request. */
export function singleFaults(requests: readonly KnownRequest[]): Incident[] {
  // Each request begins with another fault, so that every n-th incident is not always the same one.
  return requests.flatMap((request, number) =>
    FAULT_NAMES.map((_, index) => {
      const fault = FAULT_NAMES[(index + number) % FAULT_NAMES.length] ?? '500'
      return faults(fault, [{ request, fault }])
    }),
  )
}

/** What goes on for ever, from the first request of each shape on. */
export function lastingFaults(requests: readonly KnownRequest[]): Incident[] {
  const first = requests.filter(({ occurrence }) => occurrence === 1)
  return first.flatMap((request) =>
    LASTING.map((fault) => faults(`${fault} for ever`, [{ request, fault, forEver: true }])),
  )
}

/** Main killed and cancelled, post killed, at each of its requests: the service has acted, the answer has not left. */
export function ends(requests: readonly KnownRequest[]): Incident[] {
  return requests.flatMap((at): Incident[] =>
    at.stage === 'post'
      ? [{ kind: 'kill post', group: 'post killed', at }]
      : [
          { kind: 'kill', group: 'main killed', at },
          { kind: 'cancel', group: 'cancelled', at },
        ],
  )
}

/** Two faults in one build, as chance has it. */
export function pairsOfFaults(requests: readonly KnownRequest[], count: number, seed: number): Incident[] {
  if (count === 0) return []
  const strike = fc.record({ request: fc.constantFrom(...requests), fault: fc.constantFrom(...FAULT_NAMES) })
  const pair = fc.tuple(strike, strike).filter(([one, other]) => one.request !== other.request)
  return fc.sample(pair, { numRuns: count, seed }).map((strikes) => faults('pairs', strikes))
}

function faults(group: string, strikes: Strike[]): Incident {
  return { kind: 'faults', group, strikes }
}

/** `500 at main: resource-manager PUT /imageTemplates/{template} #1` */
export function titleOf(incident: Incident): string {
  if (incident.kind !== 'faults') return `${incident.group} at ${nameOf(incident.at)}`
  return incident.strikes
    .map(({ request, fault, forEver }) => `${fault}${forEver ? ' for ever from' : ' at'} ${nameOf(request)}`)
    .join(' and ')
}

/**
 * The fault as the local Azure takes it; undefined for one of connections.
 * @param now the time of the action's clock, in milliseconds
 */
export function faultOf({ request, fault, forEver = false }: Strike, now: () => number): Fault | undefined {
  if (fault.startsWith('tls')) return undefined
  const { service, match, occurrence } = request
  const when = fault.endsWith(' after') ? 'after' : 'before'
  const times = forEver ? Infinity : 1
  return { service, match, skip: occurrence - 1, times, when, respond: answerOf(fault, service, now) }
}

function answerOf(fault: FaultName, service: Service, now: () => number): Fault['respond'] {
  if (fault.startsWith('reset')) return 'reset'
  if (fault.startsWith('hang')) return 'stall'
  if (fault === 'cut') return 'cut'
  const status = Number.parseInt(fault)
  const { headers, body } = WORDS[service](status)
  // A date is one of the moment when the answer leaves.
  return {
    status,
    body,
    get headers() {
      return { ...headers, ...pauseOf(fault, now) }
    },
  }
}

/** What `Retry-After` asks for. */
function pauseOf(fault: FaultName, now: () => number): Record<string, string> {
  if (fault === '429 in seconds') return { 'Retry-After': String(PAUSE_S) }
  const date = new Date(now() + PAUSE_S * 1000)
  return fault === '429 by date' ? { 'Retry-After': date.toUTCString() } : {}
}
const PAUSE_S = 15

interface Words {
  headers: Record<string, string>
  body: unknown
}
const json = (body: object): Words => ({ headers: { 'Content-Type': 'application/json' }, body })

/** Codes as the services give them; the texts are what matters to nobody. */
const CODES: Record<number, string> = {
  408: 'RequestTimeout',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
  504: 'GatewayTimeout',
}
const TEXT = 'The service is in trouble.'
const WORDS: Record<Service, (status: number) => Words> = {
  'resource-manager': (status) => json({ error: { code: CODES[status], message: TEXT } }),
  github: () => json({ message: TEXT }),
  entra: () => json({ error: 'temporarily_unavailable', error_description: `AADSTS90033: ${TEXT}` }),
  results: () => json({ code: 'unavailable', msg: TEXT }),
  blob: (status) => {
    const code = status === 503 ? 'ServerBusy' : status === 500 ? 'InternalError' : (CODES[status] ?? '')
    const xml = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${TEXT}</Message></Error>`
    return {
      headers: { 'Content-Type': 'application/xml', 'x-ms-error-code': code },
      body: Buffer.from(xml),
    }
  },
}
