/** What others do in the subscription while a job runs there: colleagues, scheduled clean-ups, the portal. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { LocalAzure } from '../index.ts'
import { CLIENT_ID, SUBSCRIPTION_ID } from '../seed.ts'
import type { Exchange } from '../world.ts'

export const IMAGE_TEMPLATES = 'Microsoft.VirtualMachineImages/imageTemplates'
const GROUP = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images`

/** Does something once, after the service has acted on a request that matches and before its answer leaves. */
export function atRequest(
  { world }: LocalAzure,
  pattern: RegExp,
  act: (exchange: Exchange) => void | Promise<void>,
  holds: (exchange: Exchange) => boolean = () => true,
): void {
  const release = world.watch(async (exchange) => {
    if (!pattern.test(`${exchange.method} ${exchange.target}`) || !holds(exchange)) return
    release()
    await act(exchange)
  })
}

/** Between the checks before a build and the service's own: the template has been taken, and not been looked at. */
export const SUBMITTED = new RegExp(`^PUT .*/${IMAGE_TEMPLATES}/[^/?]+\\?`)
/** The run has been queued. */
export const STARTED = new RegExp(`^POST .*/${IMAGE_TEMPLATES}/[^/?]+/run\\?`)

/** ID of the template that a request is about. */
export function templateOf({ target }: Exchange): string {
  return /^[^?]*\/imageTemplates\/[^/?]+/i.exec(target)?.[0] ?? ''
}

/** ID of the template that a name stands for. */
export function templateId(name: string): string {
  return `${GROUP}/providers/${IMAGE_TEMPLATES}/${name}`
}

/** A colleague makes a template from Ubuntu, with these properties besides, and waits until it is there. */
export async function makeTemplate(azure: LocalAzure, name: string, properties: object): Promise<void> {
  const identity = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder`
  const source = {
    type: 'PlatformImage',
    publisher: 'Canonical',
    offer: 'ubuntu-24_04-lts',
    sku: 'server',
    version: 'latest',
  }
  const distribute = [{ type: 'VHD', runOutputName: 'vhd' }]
  await send(azure, 'PUT', templateId(name), {
    location: 'eastus',
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identity]: {} } },
    properties: { source, distribute, ...properties },
  })
  const state = (): unknown => azure.world.resources.get(templateId(name))?.properties['provisioningState']
  while (state() === 'Creating') await send(azure, 'GET', templateId(name))
}

/** One request to Resource Manager as the default application, of Image Builder's API; throws for a refusal. */
export async function send(azure: LocalAzure, method: string, id: string, body?: object): Promise<void> {
  const application = azure.world.seed.applications.find(({ clientId }) => clientId === CLIENT_ID)
  if (!application) throw new Error('The local Azure has no application.')
  const token = await azure.entra.issue(application, 'https://management.azure.com')
  const ca = await readFile(azure.caFile)
  const url = `${azure.endpoints.resourceManager}${id}?api-version=2025-10-01`
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request(url, { method, ca, headers, agent: false }, (response) => {
      response.resume()
      response.on('end', () => {
        resolve(response.statusCode ?? 0)
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
  if (status >= 400) throw new Error(`${method} ${id}: ${status}`)
}
