/** Image Builder in a whole local Azure, for tests: requests over HTTPS, and waiting by asking. */
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { startLocalAzure, type LocalAzure } from '../../local-azure/index.ts'
import type { ImageTemplate, TemplateProperties } from '../../local-azure/image-builder/image-template.ts'
import { CLIENT_ID, defaultSeed, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import type { Principal, Resource } from '../../local-azure/world.ts'

export const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
export const GROUP = `${SUBSCRIPTION}/resourceGroups/rg-images`
export const TEMPLATES = `${GROUP}/providers/Microsoft.VirtualMachineImages/imageTemplates`
export const DEFINITION = `${GROUP}/providers/Microsoft.Compute/galleries/contoso/images/webapp`
const IDENTITIES = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
export const IDENTITY = `${IDENTITIES}/id-image-builder`
/** May read images and galleries, and write nothing. */
export const READER = `${IDENTITIES}/id-reader`
/** May nothing. */
export const POWERLESS = `${IDENTITIES}/id-powerless`
const DEPLOYER: Principal = { clientId: CLIENT_ID, objectId: defaultSeed().applications[0]?.objectId ?? '' }
/** May write templates, but not hand out identities. */
export const WRITER: Principal = {
  clientId: '2c1f8f0e-07d5-4b43-9d3c-3a5f6c1d2e01',
  objectId: '5f0d9a53-7a4e-4f6c-8d21-9b0c3e4f5a02',
}
const API = 'api-version=2025-10-01'
/** Waiting by asking asks more often than anyone may, even while a phase is held at the real service's speed. */
const ENDLESS = { bucket: 1e9, perSecond: 1e9 }

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: unknown
}

/** `error` of an answer or an operation. */
export interface Failure {
  code: string
  message: string
}

export interface Operation {
  name: string
  status: string
  startTime: string
  endTime?: string
  error?: Failure
}

export interface ImageBuilder {
  azure: LocalAzure
  send: (method: string, target: string, body?: unknown, principal?: Principal) => Promise<Answer>
  /** The operation behind an answer, once it has ended. */
  ended: (answer: Answer) => Promise<Operation>
  /** PUTs a template and waits; returns its operation. */
  create: (name: string, body: unknown) => Promise<Operation>
  get: (name: string) => Promise<ImageTemplate>
  /** Asks until the template is as wanted. */
  until: (name: string, wanted: (properties: TemplateProperties) => boolean) => Promise<ImageTemplate>
  /** Creates a template, runs it, waits; returns the run's operation. */
  build: (name: string, properties: Partial<TemplateProperties>) => Promise<Operation>
  /** Log of the only run of a template. */
  log: (name: string, file?: string) => Promise<string>
}

/** Starts a local Azure with further identities, marketplace images and definitions of unlike kinds; `change` adds. */
export async function startImageBuilder(
  speed = 20_000,
  change: (seed: Seed) => void = () => undefined,
): Promise<ImageBuilder> {
  const seed = testSeed()
  change(seed)
  const azure = await startLocalAzure({ seed, speed, limits: { requests: { reads: ENDLESS } } })
  const ca = await readFile(azure.caFile, 'utf8')

  const send: ImageBuilder['send'] = async (method, target, body, principal = DEPLOYER) => {
    const token = await azure.entra.issue(principal, 'https://management.azure.com')
    const url = target.startsWith('https:') ? target : azure.endpoints.resourceManager + withVersion(target)
    return await exchange(url, { method, ca, token, body })
  }
  const ended: ImageBuilder['ended'] = async (answer) => {
    const url = String(answer.headers['azure-asyncoperation'])
    for (;;) {
      const operation = (await send('GET', url)).body as Operation
      if (operation.status !== 'InProgress') return operation
    }
  }
  const get: ImageBuilder['get'] = async (name) => {
    const answer = await send('GET', `${TEMPLATES}/${name}`)
    return answer.body as ImageTemplate
  }
  const create: ImageBuilder['create'] = async (name, body) => {
    const answer = await send('PUT', `${TEMPLATES}/${name}`, body)
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
    return await ended(answer)
  }
  const until: ImageBuilder['until'] = async (name, wanted) => {
    for (;;) {
      const template = await get(name)
      if (wanted(template.properties)) return template
    }
  }
  const build: ImageBuilder['build'] = async (name, properties) => {
    const created = await create(name, templateBody(properties))
    if (created.status !== 'Succeeded') throw new Error(JSON.stringify(created))
    return await ended(await send('POST', `${TEMPLATES}/${name}/run`))
  }
  const log: ImageBuilder['log'] = async (name, file = 'customization.log') => {
    const { properties } = await get(name)
    const account = stagingAccount(azure, properties.exactStagingResourceGroup)
    const blob = (await azure.blobs.list(account)).find((one) => one.endsWith(`/${file}`)) ?? ''
    const [container = '', ...rest] = blob.split('/')
    return String(await azure.blobs.read(account, container, rest.join('/')))
  }
  return { azure, send, ended, create, get, until, build, log }
}

/** Name of the storage account in a staging group. */
export function stagingAccount({ world }: LocalAzure, group: string): string {
  const [account] = world.resources.list('Microsoft.Storage/storageAccounts', `${group}/`)
  if (!account) throw new Error(`No storage account in ${group}`)
  return account.name
}

/** A valid body: Ubuntu 24.04 to a VHD, with the changes that a test is about. */
export function templateBody(properties: Partial<TemplateProperties> = {}, identity = IDENTITY): object {
  return {
    location: 'eastus',
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identity]: {} } },
    properties: {
      source: UBUNTU,
      distribute: [{ type: 'VHD', runOutputName: 'vhd' }],
      ...properties,
    },
  }
}

export const UBUNTU = {
  type: 'PlatformImage',
  publisher: 'Canonical',
  offer: 'ubuntu-24_04-lts',
  sku: 'server',
  version: 'latest',
} as const
export const WINDOWS = {
  type: 'PlatformImage',
  publisher: 'MicrosoftWindowsServer',
  offer: 'WindowsServer',
  sku: '2022-datacenter-g2',
  version: 'latest',
} as const

/** A resource's ID in a form that compares. */
export function ids(resources: Resource[]): string[] {
  return resources.map(({ id }) => id.toLowerCase()).sort()
}

function testSeed(): Seed {
  const seed = defaultSeed()
  const place = { resourceGroup: 'rg-images', location: 'eastus' }
  const reader = 'b1b7f4d2-9a6c-4a6e-8f0d-1c2d3e4f5a03'
  seed.identities.push(
    { ...place, name: 'id-reader', principalId: reader, clientId: 'b1b7f4d2-9a6c-4a6e-8f0d-1c2d3e4f5a04' },
    {
      ...place,
      name: 'id-powerless',
      principalId: 'b1b7f4d2-9a6c-4a6e-8f0d-1c2d3e4f5a05',
      clientId: 'b1b7f4d2-9a6c-4a6e-8f0d-1c2d3e4f5a06',
    },
  )
  seed.roleAssignments.push(
    { principalId: reader, scope: GROUP, actions: ['Microsoft.Compute/*/read'] },
    {
      principalId: WRITER.objectId,
      scope: SUBSCRIPTION,
      actions: ['Microsoft.VirtualMachineImages/imageTemplates/*'],
    },
  )
  return seed
}

function withVersion(target: string): string {
  return `${target}${target.includes('?') ? '&' : '?'}${API}`
}

function exchange(
  url: string,
  { method, ca, token, body }: { method: string; ca: string; token: string; body: unknown },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const sent = request(url, { method, ca, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const parsed: unknown = text === '' ? undefined : JSON.parse(text)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed })
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
