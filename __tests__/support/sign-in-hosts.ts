/**
 * Run as a process of its own: looks for a template in each cloud by the action's own edge, and prints which hosts it
 * wanted to reach, as JSON. All of them lead to the server at the port in `REDIRECT_PORT`, whose certificate bears their
 * names; the names are not resolved.
 */
import net from 'node:net'

const port = Number(process.env['REDIRECT_PORT'])
const reached = new Set<string>()

type Connect = (this: net.Socket, ...given: unknown[]) => net.Socket
const { connect: connectSocket } = net.Socket.prototype as unknown as { connect: Connect }
Object.assign(net.Socket.prototype, {
  connect(this: net.Socket, ...given: unknown[]) {
    const [options] = (Array.isArray(given[0]) ? given[0] : given) as [{ host?: string; port?: number }]
    reached.add(`${options.host ?? ''}:${options.port ?? ''}`)
    Object.assign(options, { host: '127.0.0.1', port })
    return connectSocket.apply(this, given)
  },
})

const { cloud, CLOUD_NAMES } = await import('../../src/azure/cloud.ts')
const { connect } = await import('../../src/azure/connect.ts')
const { Patience } = await import('../../src/patience.ts')
const { systemClock } = await import('../../src/runner.ts')

const nothing = (): void => undefined
const told: Record<string, { reached: string[]; found: unknown }> = {}
for (const name of CLOUD_NAMES) {
  reached.clear()
  const clock = systemClock()
  const words = { clock, debug: nothing, notice: nothing }
  const ids = {
    clientId: '11111111-1111-1111-1111-111111111111',
    tenantId: '22222222-2222-2222-2222-222222222222',
  }
  const { imageBuilder } = connect(
    {
      subscriptionId: ids.clientId,
      signIn: { ...ids, audience: 'api://AzureADTokenExchange', cloud: cloud(name) },
      pollIntervalSeconds: 1,
    },
    { ...words, patience: new Patience(words), mask: nothing, idToken: () => Promise.resolve('e30.e30.x') },
  )
  const found = await imageBuilder.get('/subscriptions/s/resourceGroups/g/providers/P/imageTemplates/t')
  told[name] = { reached: [...reached].sort(), found: found ?? 'none' }
}
process.stdout.write(JSON.stringify(told))
// Connections are kept open for a next request.
process.exit()
