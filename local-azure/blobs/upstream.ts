/** Azurite behind the gate: how a request gets there. */
import type { IncomingMessage } from 'node:http'
import { request as sendRequest, type Agent } from 'node:https'
import type { BlobRequest } from './access.ts'
import { needsKeyForToken, signWithKey } from './account-key.ts'
import type { StorageRefusal } from './storage-errors.ts'
import { passBody } from './upload-body.ts'
import { bodyCheck } from './upload-limits.ts'
import type { Fault, World } from '../world.ts'

/** Headers that belong to one connection and are not passed on. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding'])

/** Azurite: its origin, the key of an account there (base64), and the connections to it. */
export interface Upstream {
  url: string
  keyOf: (account: string) => string
  agent: Agent
}

/**
 * Sends a request on to Azurite. Resolves with the head of its answer, or with what stopped its body: the fault, or a
 * refusal. Rejects when the client goes away before its body ended.
 */
export async function exchange(
  world: World,
  upstream: Upstream,
  request: BlobRequest,
  incoming: IncomingMessage,
  fault: Fault | undefined,
): Promise<IncomingMessage | Fault | StorageRefusal> {
  const { method, target } = request
  const headers = endToEnd(incoming.rawHeaders)
  const outgoing = sendRequest(new URL(target, upstream.url), { method, headers, agent: upstream.agent })
  if (needsKeyForToken(request))
    outgoing.setHeader('Authorization', signWithKey(request, upstream.keyOf(request.account)))
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
  })
  const links = world.linksFor(`${method} ${target}`)
  const way = { links, fault, check: bodyCheck(request) }
  const sent = passBody(world, incoming, outgoing, way).then(
    async (stop): Promise<IncomingMessage | Fault | StorageRefusal> => stop ?? (await answer),
  )
  // Whichever is first tells; the other must not be an error that nobody takes.
  answer.catch(() => undefined)
  try {
    const first = await Promise.race([answer, sent])
    sent.catch(() => undefined)
    if ('respond' in first || 'code' in first) outgoing.destroy()
    return first
  } catch (error) {
    outgoing.destroy()
    throw error
  }
}

/** From names and values in turn. Names keep their case, as those of metadata do in the service (documented). */
export function endToEnd(rawHeaders: string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!HOP_BY_HOP.has(name.toLowerCase())) headers[name] = rawHeaders[i + 1] ?? ''
  }
  return headers
}
