/**
 * Inputs to one checked `BuildRequest`. Every mistake is collected and reported in one failure, each with the
 * input's name, what was given, what is allowed and, where one is near, the value that was probably meant.
 * Names and meanings are a promise to users: see `action.yml`.
 */
import path from 'node:path'
import { readArtifact, type ArtifactRequest } from './artifact-customizers.ts'
import { readCustomization, type Customization } from './customizers.ts'
import { readDistributions } from './distribution-inputs.ts'
import type { Distribution } from './distributors.ts'
import { InputError, messageOf } from './errors.ts'
import { refuseShape } from './existing-template.ts'
import { mergedTags } from './image-template.ts'
import { InputReader, type Placed, type RawInputs } from './input-reader.ts'
import { regionName, type WorkflowRun } from './names.ts'
import { REQUEST_BYTES, WARNINGS } from './preflight.ts'
import { readResourceGroup, readSignIn, readSubscription, type SignIn } from './sign-in.ts'
import { readSource, type SourceRequest } from './source-image.ts'
import { identityOf, placed, readTemplateFile, type TemplateFile } from './template-file.ts'
import { NAME_PATTERN, NAME_RULE, type Distributor, type TemplateSettings } from './template-schema.ts'
import { checkIdentity, identityId, readSettings } from './template-settings.ts'

export const CLEANUP_POLICIES = ['on-success', 'always', 'never'] as const
export type CleanupPolicy = (typeof CLEANUP_POLICIES)[number]

/** What every build has, whether it makes its template or runs one that is there. */
interface Build {
  signIn: SignIn
  subscriptionId: string
  resourceGroup: string
  /** Absent for a name that is made up. */
  templateName?: string
  wait: boolean
  dryRun: boolean
  cleanup: CleanupPolicy
  pollIntervalSeconds: number
  ignoreWarnings: string[]
  log: LogRequest
  /** Of the workflow artifact for the build record; see `LogRequest.artifactName`. */
  recordArtifactName: string
  summary: boolean
  /** Whether runs that this action left, of an earlier attempt or handed on, are followed. */
  resume: boolean
  /** Whether an image that lacks regions gets them, instead of failing the build. */
  retryReplication: boolean
  workflowRun: WorkflowRun
}

export interface LogRequest {
  follow: boolean
  keep: boolean
  /** Of the workflow artifact for the log of a failed build, `<template name>` standing for that name; '' for none. */
  artifactName: string
}

/** A template is made, run and deleted. */
export interface NewBuild extends Build {
  kind: 'new'
  /** As Azure spells it: `westus2`. */
  location: string
  /** Resource ID of the managed identity that Image Builder works with. */
  managedIdentity: string
  source: SourceRequest
  customization: Customization
  /** Absent when nothing is put into the image. */
  artifact?: ArtifactRequest
  distributions: Distribution[]
  settings: TemplateSettings
  templateTags: Record<string, string>
  imageTags: Record<string, string>
  registerProviders: boolean
  skipUnchanged: boolean
}

/** A template that somebody else made is run, and kept. */
export interface ExistingBuild extends Build {
  kind: 'existing'
  templateName: string
}

export type BuildRequest = NewBuild | ExistingBuild

/**
 * Reads and checks all inputs.
 * @throws InputError that names every mistake
 */
export function readInputs(raw: RawInputs): BuildRequest {
  const read = new InputReader(raw)
  const build = readBuild(read, raw)
  const request = read.boolean('existing-template')
    ? readExistingBuild(read, build)
    : readNewBuild(read, raw, build)
  if (read.problems.length > 0) throw new InputError(read.problems)
  return request
}

function readBuild(read: InputReader, raw: RawInputs): Build {
  const templateName = read.optional('template-name')
  if (templateName !== undefined && !NAME_PATTERN.test(templateName)) {
    read.problem('template-name', `'${templateName}' is not ${NAME_RULE}.`)
  }
  return {
    signIn: readSignIn(read),
    subscriptionId: readSubscription(read),
    resourceGroup: readResourceGroup(read),
    ...(templateName === undefined ? {} : { templateName }),
    wait: read.boolean('wait', true),
    dryRun: read.boolean('dry-run'),
    cleanup: read.oneOf('cleanup', CLEANUP_POLICIES, 'on-success'),
    pollIntervalSeconds: read.integer('poll-interval-seconds', 10, '1 to 600', (s) => s >= 1 && s <= 600),
    ignoreWarnings: read.eachOneOf('ignore-warnings', Object.keys(WARNINGS)),
    log: {
      follow: read.boolean('follow-log', true),
      keep: read.boolean('keep-log'),
      artifactName: readArtifactName(read, 'log-artifact-name'),
    },
    recordArtifactName: readArtifactName(read, 'record-artifact-name'),
    summary: read.boolean('summary', true),
    resume: read.boolean('resume', true),
    retryReplication: read.boolean('retry-replication'),
    workflowRun: raw.workflowRun,
  }
}

/** Characters that no workflow artifact's name may hold (GitHub's documentation); `<template name>` is replaced. */
function readArtifactName(read: InputReader, input: string): string {
  const name = read.optional(input) ?? ''
  const found = /["<>|*?:\\/\r\n]/.exec(name.replace('<template name>', ''))
  if (found)
    read.problem(input, `'${name}' holds ${JSON.stringify(found[0])}, which no artifact's name may hold.`)
  return name
}

/** Whether the job summary is wanted; also asked when the inputs are wrong. */
export function wantsSummary(raw: RawInputs): boolean {
  return raw.input('summary').toLowerCase() !== 'false'
}

function readExistingBuild(read: InputReader, build: Build): ExistingBuild {
  refuseShape(read)
  return { ...build, kind: 'existing', templateName: build.templateName ?? read.required('template-name') }
}

function readNewBuild(read: InputReader, raw: RawInputs, build: Build): NewBuild {
  const { subscriptionId, resourceGroup } = build
  const home = { subscriptionId, resourceGroup }
  const file = readFile(read, raw, build)
  // What is missing may well stand in a file that could not be read.
  read.lenient = file === undefined && read.optional('template-file') !== undefined
  const properties = file?.properties ?? {}
  const location = regionName(read.optional('location') ?? file?.location ?? read.required('location'))
  const source = readSource(read, properties.source && { source: properties.source, place: FILE_SOURCE })
  const customization = readCustomization(
    read,
    placed(properties.customize, 'customize'),
    placed(properties.validate?.inVMValidations, 'validate.inVMValidations'),
  )
  const settings = readSettings(read, settingsOf(properties), home)
  const given = readArtifact(read, readBuildPath(read, raw), settings.validate?.sourceValidationOnly === true)
  // Nothing is put into a source image that is only validated.
  const artifact = settings.validate?.sourceValidationOnly === true ? undefined : given
  checkValidation(read, settings, customization)
  checkSizes(read)
  return {
    ...build,
    kind: 'new',
    location,
    managedIdentity: readManagedIdentity(read, file, home),
    source: source ?? { image: { kind: 'managed-image', id: '' }, place: FILE_SOURCE },
    customization,
    ...(artifact ? { artifact } : {}),
    distributions: readTargets(read, settings, location, placed(properties.distribute, 'distribute')),
    settings,
    templateTags: mergedTags(file?.tags ?? {}, read.tags('template-tags')),
    imageTags: read.tags('image-tags'),
    registerProviders: read.boolean('register-providers'),
    skipUnchanged: read.boolean('skip-unchanged'),
  }
}

/** What of a template file goes into the template as it is. */
function settingsOf(properties: TemplateFile['properties']): TemplateSettings {
  const made = new Set(['source', 'customize', 'distribute'])
  return Object.fromEntries(Object.entries(properties).filter(([field]) => !made.has(field)))
}

const FILE_SOURCE = { input: 'template-file', path: 'properties.source' }

/** The template file, without what inputs override; undefined when there is none. */
function readFile(
  read: InputReader,
  raw: RawInputs,
  { subscriptionId, resourceGroup, signIn }: Build,
): TemplateFile | undefined {
  const given = read.optional('template-file')
  if (given === undefined) return undefined
  const file = path.resolve(raw.workspace, given)
  const text = readText(read, raw, given, file)
  if (text === undefined) return undefined
  const { tenantId, cloud } = signIn
  const scope = {
    subscriptionId,
    resourceGroup,
    resourceManager: cloud.resourceManager,
    ...(tenantId === undefined ? {} : { tenantId }),
  }
  const overridden = [
    ['location', 'location'],
    ['managed-identity', 'identity'],
    ['source-image', 'properties.source'],
  ].flatMap(([input = '', field = '']) => (read.optional(input) === undefined ? [] : [field]))
  return readTemplateFile(read, text, scope, new Set(overridden))
}

function readText(read: InputReader, raw: RawInputs, given: string, file: string): string | undefined {
  if (!raw.exists(file)) {
    read.problem('template-file', `'${given}' does not exist; looked for ${file}.`)
    return undefined
  }
  try {
    // The byte order mark that Windows' tools write is no part of JSON.
    return raw.readFile(file).replace(/^\uFEFF/, '')
  } catch (error) {
    read.problem('template-file', `'${given}' cannot be read: ${messageOf(error)}.`)
    return undefined
  }
}

/** A template that only validates its source needs no target; that the service takes an empty list is assumed. */
function readTargets(
  read: InputReader,
  settings: TemplateSettings,
  location: string,
  file: Placed<Distributor>[],
): Distribution[] {
  const none = ['distribute-type', 'managed-image-id', 'gallery-image-id', 'vhd-uri', 'distributors'].every(
    (input) => read.optional(input) === undefined,
  )
  const mayBeEmpty = read.lenient || settings.validate?.sourceValidationOnly === true
  if (mayBeEmpty && none && file.length === 0) return []
  return readDistributions(read, location, file)
}

function checkValidation(
  read: InputReader,
  { validate }: TemplateSettings,
  { validationScript }: Customization,
): void {
  if (read.lenient || validationScript.length > 0 || (validate?.inVMValidations ?? []).length > 0) return
  for (const input of ['continue-distribute-on-failure', 'source-validation-only']) {
    if (read.boolean(input)) read.problem(input, 'needs something that validates: give validation-script.')
  }
}

function checkSizes(read: InputReader): void {
  for (const input of ['inline-script', 'validation-script', 'customizers', 'distributors']) {
    const bytes = Buffer.byteLength(read.lines(input).join('\n'))
    if (bytes > REQUEST_BYTES) {
      read.problem(
        input,
        `has ${bytes} bytes; a template has room for ${REQUEST_BYTES}. Put long scripts into a file of build-path and call them.`,
      )
    }
  }
}

function readManagedIdentity(
  read: InputReader,
  file: TemplateFile | undefined,
  home: { subscriptionId: string; resourceGroup: string },
): string {
  const fromFile = file && identityOf(file)
  if (file?.identity && fromFile === undefined) {
    read.problem(
      'template-file',
      'identity: a template has exactly one user-assigned identity; or give managed-identity.',
    )
  }
  const input = read.optional('managed-identity')
  const value = input ?? fromFile ?? (file?.identity ? '' : read.required('managed-identity'))
  checkIdentity(
    read,
    input === undefined && fromFile !== undefined ? 'template-file' : 'managed-identity',
    value,
  )
  return value === '' ? '' : identityId(value, home)
}

function readBuildPath(read: InputReader, raw: RawInputs): string | undefined {
  const given = read.optional('build-path')
  if (given === undefined) return undefined
  const absolute = path.resolve(raw.workspace, given)
  if (path.basename(absolute) === '') read.problem('build-path', `'${given}' is the root of the disk.`)
  if (!raw.exists(absolute)) read.problem('build-path', `'${given}' does not exist; looked for ${absolute}.`)
  return absolute
}
