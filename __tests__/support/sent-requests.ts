/** The HTTP requests that the action's processes sent, put together from the bytes that `eavesdrop` kept. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

export interface SentRequest {
  /** Of the server on this machine. */
  port: number
  method: string
  /** Path and query. */
  target: string
  /** Names in lower case. */
  headers: [name: string, value: string][]
  /** As Latin-1, so that binary content can be searched as well. */
  body: string
}

/** All that was sent so far; throws for bytes that are no HTTP/1.1. */
export async function sentRequests(folder: string): Promise<SentRequest[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sent'))
  const connections = await Promise.all(
    files.map(async (name) => requestsIn(await readFile(path.join(folder, name), 'latin1'), parseInt(name))),
  )
  return connections.flat()
}

function requestsIn(bytes: string, port: number): SentRequest[] {
  const requests: SentRequest[] = []
  for (let rest = bytes; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n')
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n')
    const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(line) ?? []
    if (end < 0 || method === undefined || target === undefined) throw new Error(`No request: ${line}`)
    const headers = fields.map((field): [string, string] => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
    })
    const { body, length } = bodyOf(rest.slice(end + 4), new Map(headers))
    requests.push({ port, method, target, headers, body })
    rest = rest.slice(end + 4 + length)
  }
  return requests
}

/** A body that was broken off is what there is of it. */
function bodyOf(bytes: string, headers: Map<string, string>): { body: string; length: number } {
  if (headers.get('transfer-encoding') !== 'chunked') {
    const body = bytes.slice(0, Number(headers.get('content-length') ?? 0))
    return { body, length: body.length }
  }
  let [body, at] = ['', 0]
  for (;;) {
    const [head = '', size = ''] = /^([0-9a-f]+)[^\r]*\r\n/i.exec(bytes.slice(at, at + 100)) ?? []
    const length = parseInt(size, 16)
    body += bytes.slice(at + head.length, at + head.length + (length || 0))
    at += head.length + (length || 0) + 2
    if (!(length > 0) || at >= bytes.length) return { body, length: Math.min(at, bytes.length) }
  }
}
