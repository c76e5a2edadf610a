/** Small valid things to test with; each factory takes what the test is about and fills in the rest. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { cloud } from '../../src/azure/cloud.ts'
import type { ArtifactRequest, BuildArtifact } from '../../src/artifact-customizers.ts'
import type { Customization } from '../../src/customizers.ts'
import type { Distribution, GalleryDistributor } from '../../src/distributors.ts'
import { InputError } from '../../src/errors.ts'
import type { Findings } from '../../src/image-template.ts'
import type { RawInputs } from '../../src/input-reader.ts'
import { readInputs, type ExistingBuild, type NewBuild } from '../../src/inputs.ts'
import type { WorkflowRun } from '../../src/names.ts'
import { emptyReport, type BuildReport } from '../../src/report.ts'
import type { SourceImage } from '../../src/source-image.ts'
import type { Distributor } from '../../src/template-schema.ts'

export const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555'
export const CLIENT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
export const WORKSPACE = '/home/runner/work/web-app/web-app'

/** `resourceId('Microsoft.Compute/galleries/images', 'g', 'd')`, in resource group `images`. */
export function resourceId(type: string, ...names: string[]): string {
  return resourceIdIn('images', type, ...names)
}

export function resourceIdIn(resourceGroup: string, type: string, ...names: string[]): string {
  const [namespace = '', ...types] = type.split('/')
  const rest = types.map((part, index) => `/${part}/${names[index] ?? ''}`).join('')
  return `/subscriptions/${SUBSCRIPTION}/resourceGroups/${resourceGroup}/providers/${namespace}${rest}`
}

export const MANAGED_IMAGE_ID = resourceId('Microsoft.Compute/images', 'web')
export const DEFINITION_ID = resourceId('Microsoft.Compute/galleries/images', 'gallery', 'web')
export const VERSION_ID = resourceId('Microsoft.Compute/galleries/images/versions', 'gallery', 'web', '1.2.3')
export const SUBNET_ID = resourceId('Microsoft.Network/virtualNetworks/subnets', 'network', 'build')
/** A version in a direct shared gallery, which belongs to no resource group. */
export const SHARED_VERSION_ID = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Compute/locations/westus2/sharedGalleries/11111111-GALLERY/images/web/versions/1.2.3`
export const IDENTITY_ID = resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'builder')
/** What the name `builder` means to the valid build below: an identity in its own resource group. */
export const OWN_IDENTITY_ID = resourceIdIn(
  'builds',
  'Microsoft.ManagedIdentity/userAssignedIdentities',
  'builder',
)
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
  /** Text of files that are read, by their path from the workspace. */
  files?: Record<string, string>
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
    readFile: (file) => {
      const text = world.files?.[path.relative(WORKSPACE, file).replaceAll('\\', '/')]
      if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${file}'`)
      return text
    },
    workflowRun: workflowRun(),
  }
}

/** Reads inputs that ask for a new template, as `rawInputs` takes them; fails when they ask for something else. */
export function newBuild(given: Record<string, string> = {}, world: RawWorld = {}): NewBuild {
  const request = readInputs(rawInputs(given, world))
  if (request.kind !== 'new') throw new Error('The inputs ask for an existing template.')
  return request
}

/** Where the gallery's fields come from when inputs say them. */
const GALLERY_INPUTS = {
  galleryImageId: 'gallery-image-id',
  targetRegions: 'replication-regions',
  versioning: 'versioning-scheme',
  major: 'versioning-major',
  excludeFromLatest: 'exclude-from-latest',
  replicationMode: 'replication-mode',
  runOutputName: 'run-output-name',
}

/** The distributor that `gallery-image-id` makes. */
export function galleryDistributor(
  overrides: Partial<GalleryDistributor> = {},
): Distribution & { body: GalleryDistributor } {
  const body: GalleryDistributor = {
    type: 'SharedImage',
    runOutputName: 'SharedImage_distribute',
    galleryImageId: DEFINITION_ID,
    targetRegions: [{ name: 'westus2' }],
    ...overrides,
  }
  return { body, place: { input: 'gallery-image-id' }, inputs: GALLERY_INPUTS }
}

/** A member of the input `distributors`. */
export function furtherDistributor(body: Distributor, index = 0): Distribution {
  return { body, place: { input: 'distributors', path: `[${index}]` }, inputs: {} }
}

export function artifactRequest(overrides: Partial<ArtifactRequest> = {}): ArtifactRequest {
  return {
    path: path.resolve(WORKSPACE),
    exclude: [],
    transfer: 'auto',
    access: 'sas',
    storageAccount: 'artifacts',
    remove: false,
    ...overrides,
  }
}

/** What a build has, whether it makes its template or not: as `rawInputs` says it. */
function anyBuild(): Omit<ExistingBuild, 'kind' | 'templateName'> {
  return {
    signIn: {
      clientId: CLIENT,
      tenantId: CLIENT,
      audience: 'api://AzureADTokenExchange',
      cloud: cloud('AzureCloud'),
    },
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'builds',
    wait: true,
    dryRun: false,
    cleanup: 'on-success',
    pollIntervalSeconds: 10,
    ignoreWarnings: [],
    log: { follow: true, keep: false, artifactName: 'customization-log-<template name>' },
    recordArtifactName: 'build-record-<template name>',
    summary: true,
    resume: true,
    retryReplication: false,
    workflowRun: workflowRun(),
  }
}

/** What `readInputs` makes of `rawInputs()`: the workspace and an Ubuntu go into a gallery. */
export function buildRequest(overrides: Partial<NewBuild> = {}): NewBuild {
  return {
    ...anyBuild(),
    kind: 'new',
    location: 'westus2',
    managedIdentity: OWN_IDENTITY_ID,
    source: {
      image: {
        kind: 'marketplace',
        publisher: 'Canonical',
        offer: 'ubuntu-24_04-lts',
        sku: 'server',
        version: 'latest',
      },
      place: { input: 'source-image' },
    },
    customization: customization(),
    artifact: artifactRequest(),
    distributions: [galleryDistributor()],
    settings: { buildTimeoutInMinutes: 240 },
    templateTags: {},
    imageTags: {},
    registerProviders: false,
    skipUnchanged: false,
    resume: true,
    ...overrides,
  }
}

/** A template that somebody else made. */
export function existingBuild(overrides: Partial<ExistingBuild> = {}): ExistingBuild {
  return { ...anyBuild(), kind: 'existing', templateName: 'base', ...overrides }
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

export function findings(
  sourceImage: SourceImage = marketplaceImage(),
  overrides: Partial<Findings> = {},
): Findings {
  return { identityId: IDENTITY_ID, sourceImage, warnings: [], unregistered: [], ...overrides }
}

/** A signature as Azure makes them, with the characters that URLs escape. */
export const SIGNATURE = 'Zm9vYmFy%2BZm9vYmFy%2FZm9vYmFyZm9vYmFy%3D'

export function buildArtifact(overrides: Partial<BuildArtifact> = {}): BuildArtifact {
  return {
    folder: 'web-app',
    url: `https://artifacts.blob.core.windows.net/imagebuilder-vststask/web-app/a.tar.gz?sv=2026-10-06&se=2026-11-22T00%3A00%3A00Z&sp=r&sig=${SIGNATURE}`,
    sha256: '0123456789abcdef'.repeat(4),
    bytes: 1000,
    transfer: 'file',
    ...overrides,
  }
}

export function customization(overrides: Partial<Customization> = {}): Customization {
  return {
    provisioner: 'auto',
    inlineScript: [],
    validationScript: [],
    runElevated: false,
    runAsSystem: false,
    windowsRestart: false,
    windowsUpdate: false,
    own: [],
    further: [],
    validators: [],
    ...overrides,
  }
}

/** What a build that went well reports. */
export function buildReport(overrides: Partial<BuildReport> = {}): BuildReport {
  return {
    ...emptyReport(),
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
