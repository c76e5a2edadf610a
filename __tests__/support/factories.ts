/** Small valid things to test with; each factory takes what the test is about and fills in the rest. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { cloud } from '../../src/azure/cloud.ts'
import type { BuildArtifact, Customization } from '../../src/customizers.ts'
import type { Distributor } from '../../src/distributors.ts'
import { InputError } from '../../src/errors.ts'
import type { Findings } from '../../src/image-template.ts'
import type { RawInputs } from '../../src/input-reader.ts'
import type { BuildRequest } from '../../src/inputs.ts'
import type { WorkflowRun } from '../../src/names.ts'
import type { BuildReport } from '../../src/report.ts'
import type { SourceImage } from '../../src/source-image.ts'

export const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555'
export const CLIENT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
export const WORKSPACE = '/home/runner/work/web-app/web-app'

/** `resourceId('Microsoft.Compute/galleries/images', 'g', 'd')`, in resource group `images`. */
export function resourceId(type: string, ...names: string[]): string {
  const [namespace = '', ...types] = type.split('/')
  const rest = types.map((part, index) => `/${part}/${names[index] ?? ''}`).join('')
  return `/subscriptions/${SUBSCRIPTION}/resourceGroups/images/providers/${namespace}${rest}`
}

export const MANAGED_IMAGE_ID = resourceId('Microsoft.Compute/images', 'web')
export const DEFINITION_ID = resourceId('Microsoft.Compute/galleries/images', 'gallery', 'web')
export const VERSION_ID = resourceId('Microsoft.Compute/galleries/images/versions', 'gallery', 'web', '1.2.3')
export const IDENTITY_ID = resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'builder')
export const ACCOUNT_ID = resourceId('Microsoft.Storage/storageAccounts', 'artifacts')

export function workflowRun(overrides: Partial<WorkflowRun> = {}): WorkflowRun {
  return {
    repository: 'contoso/web-app',
    sha: '0123456789abcdef0123456789abcdef01234567',
    runId: '4711',
    runAttempt: '2',
    url: 'https://github.com/contoso/web-app/actions/runs/4711',
    ...overrides,
  }
}

/** The inputs of a small valid build, as a user writes them. */
const VALID: Record<string, string> = {
  'client-id': CLIENT,
  'tenant-id': CLIENT,
  'subscription-id': SUBSCRIPTION,
  'resource-group': 'builds',
  location: 'West US 2',
  'managed-identity': 'builder',
  'storage-account': 'artifacts',
  'source-image': 'Canonical:ubuntu-24_04-lts:server',
  'gallery-image-id': DEFINITION_ID,
}

/** The defaults that the runner fills in where the workflow says nothing. */
function defaults(): Record<string, string> {
  const action = parse(readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')) as {
    inputs: Record<string, { default?: string }>
  }
  return Object.fromEntries(Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? '']))
}

export interface RawWorld {
  env?: Record<string, string>
  exists?: (path: string) => boolean
}

/** Inputs as the runner hands them over. `given` replaces inputs of a small valid build; `''` leaves one out. */
export function rawInputs(given: Record<string, string> = {}, world: RawWorld = {}): RawInputs {
  const values: Record<string, string> = { ...defaults(), ...VALID, ...given }
  return {
    input: (name) => (values[name] ?? '').trim(),
    text: (name) => values[name] ?? '',
    env: (name) => world.env?.[name],
    workspace: WORKSPACE,
    exists: world.exists ?? (() => true),
    workflowRun: workflowRun(),
  }
}

export function galleryDistributor(
  overrides: Partial<Extract<Distributor, { type: 'gallery' }>> = {},
): Distributor {
  return {
    type: 'gallery',
    runOutputName: 'SharedImage_distribute',
    galleryImageId: DEFINITION_ID,
    targetRegions: [{ name: 'westus2' }],
    ...overrides,
  }
}

export function buildRequest(overrides: Partial<BuildRequest> = {}): BuildRequest {
  return {
    signIn: {
      clientId: CLIENT,
      tenantId: CLIENT,
      audience: 'api://AzureADTokenExchange',
      cloud: cloud('AzureCloud'),
    },
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'builds',
    location: 'westus2',
    managedIdentity: 'builder',
    storageAccount: 'artifacts',
    sourceImage: {
      kind: 'marketplace',
      publisher: 'Canonical',
      offer: 'ubuntu-24_04-lts',
      sku: 'server',
      version: 'latest',
    },
    provisioner: 'auto',
    buildPath: WORKSPACE,
    inlineScript: [],
    runElevated: false,
    runAsSystem: false,
    windowsUpdate: false,
    distributor: galleryDistributor(),
    buildTimeoutInMinutes: 240,
    cleanup: 'on-success',
    pollIntervalSeconds: 10,
    workflowRun: workflowRun(),
    ...overrides,
  }
}

type Marketplace = Extract<SourceImage, { kind: 'marketplace' }>

export function marketplaceImage(overrides: Partial<Marketplace> = {}): Marketplace {
  return {
    kind: 'marketplace',
    publisher: 'Canonical',
    offer: 'ubuntu-24_04-lts',
    sku: 'server',
    version: '24.04.202609010',
    osType: 'Linux',
    ...overrides,
  }
}

export function findings(sourceImage: SourceImage = marketplaceImage()): Findings {
  return { identityId: IDENTITY_ID, sourceImage }
}

/** A signature as Azure makes them, with the characters that URLs escape. */
export const SIGNATURE = 'Zm9vYmFy%2BZm9vYmFy%2FZm9vYmFyZm9vYmFy%3D'

export function buildArtifact(overrides: Partial<BuildArtifact> = {}): BuildArtifact {
  return {
    folder: 'web-app',
    url: `https://artifacts.blob.core.windows.net/imagebuilder-vststask/web-app/a.tar.gz?sv=2026-10-06&se=2026-11-22T00%3A00%3A00Z&sp=r&sig=${SIGNATURE}`,
    sha256: '0123456789abcdef'.repeat(4),
    bytes: 1000,
    ...overrides,
  }
}

export function customization(overrides: Partial<Customization> = {}): Customization {
  return {
    osType: 'Linux',
    provisioner: overrides.osType === 'Windows' ? 'powershell' : 'shell',
    inlineScript: [],
    runElevated: false,
    runAsSystem: false,
    windowsUpdate: false,
    ...overrides,
  }
}

/** What a build that went well reports. */
export function buildReport(overrides: Partial<BuildReport> = {}): BuildReport {
  return {
    sourceImage: marketplaceImage(),
    template: {
      name: 't_1_ab',
      id: resourceId('Microsoft.VirtualMachineImages/imageTemplates', 't_1_ab'),
    },
    templatePath: '/tmp/t_1_ab.json',
    stagingResourceGroup: `/subscriptions/${SUBSCRIPTION}/resourceGroups/IT_builds_t_1_ab_x`,
    runOutputName: 'SharedImage_distribute',
    runState: 'Succeeded',
    images: { SharedImage_distribute: VERSION_ID },
    ...overrides,
  }
}

/** The problems that an InputError reports, as `input: message`; fails when nothing or something else is thrown. */
export function problemsOf(act: () => unknown): string[] {
  try {
    act()
  } catch (error) {
    if (error instanceof InputError) return linesOf(error)
    throw error
  }
  throw new Error('No InputError was thrown.')
}

export function linesOf(error: InputError): string[] {
  return error.problems.map(({ input, message }) => `${input}: ${message}`)
}

/** Names and values that break quoting which is not careful. */
export const NASTY_TEXTS: [name: string, text: string][] = [
  ['a plain word', 'web-app'],
  ['nothing', ''],
  ['a leading underscore', '_site'],
  ['a leading dash', '-rf'],
  ['blanks', ' my  app '],
  ['single quotes', "it's 'quoted' ''twice''"],
  ['a quote at each end', "'x'"],
  ['double quotes', 'say "hi"'],
  ['typographic quotes', '\u2018a\u2019 \u201ab\u201b \u201cc\u201d'],
  ['a variable', '$HOME ${PATH} $env:TEMP'],
  ['a command', '$(id) `id`'],
  ['a backslash at its end', 'C:\\dir\\'],
  ['glob characters', '[a]*?{b,c}~'],
  ['operators', 'a;b&c|d>e<f#g!h'],
  ['two lines', 'first\nsecond'],
  ['other scripts', 'Größe-日本語-🚀-ё'],
]
