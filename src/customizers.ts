/**
 * What happens inside the build VM, in order: the artifact is brought and unpacked, the customizers of a template
 * file run, then the user's script, a restart, further customizers, Windows Update, and the artifact goes again.
 */
import { artifactCustomizers, removeArtifactCustomizer, type BuildArtifact } from './artifact-customizers.ts'
import type { Problem } from './errors.ts'
import { problemAt, type InputReader, type Placed } from './input-reader.ts'
import { failingFast } from './powershell-script.ts'
import { namingLines } from './shell-script.ts'
import type { OsType } from './source-image.ts'
import type { Customizer, Validator } from './template-schema.ts'

export const PROVISIONERS = ['auto', 'shell', 'powershell'] as const
export type Provisioner = (typeof PROVISIONERS)[number]

/** What the inputs ask to be done in the build VM. */
export interface Customization {
  provisioner: Provisioner
  /** Lines as written; empty for none. */
  inlineScript: string[]
  validationScript: string[]
  runElevated: boolean
  runAsSystem: boolean
  windowsRestart: boolean
  windowsUpdate: boolean
  /** Customizers of a template file. */
  own: Placed<Customizer>[]
  /** Those of the input `customizers`. */
  further: Placed<Customizer>[]
  /** Validators of a template file. */
  validators: Placed<Validator>[]
}

/** Reads what is done in the build VM; `own` and `validators` are those of a template file. */
export function readCustomization(
  read: InputReader,
  own: Placed<Customizer>[],
  validators: Placed<Validator>[],
): Customization {
  const customization: Customization = {
    provisioner: read.oneOf('provisioner', PROVISIONERS, 'auto'),
    inlineScript: read.lines('inline-script'),
    validationScript: read.lines('validation-script'),
    runElevated: read.boolean('run-elevated'),
    runAsSystem: read.boolean('run-as-system'),
    windowsRestart: read.boolean('windows-restart'),
    windowsUpdate: read.boolean('windows-update'),
    own,
    further: read.armList('customizers'),
    validators,
  }
  if (customization.runAsSystem && !customization.runElevated) {
    read.problem('run-as-system', "'true' needs run-elevated: true as well.")
  }
  if (customization.provisioner === 'shell') {
    for (const [input, asked] of WINDOWS_INPUTS.map(([input, of]) => [input, of(customization)] as const)) {
      if (asked) read.problem(input, "needs Windows; provisioner is 'shell'.")
    }
  }
  return customization
}

/** Inputs that Windows alone understands. */
const WINDOWS_INPUTS: [input: string, asked: (customization: Customization) => boolean][] = [
  ['windows-update', ({ windowsUpdate }) => windowsUpdate],
  ['windows-restart', ({ windowsRestart }) => windowsRestart],
  ['run-elevated', ({ runElevated }) => runElevated],
]

/** Customizers that one operating system alone can run. */
const OS_OF_TYPE: Partial<Record<Customizer['type'], OsType>> = {
  Shell: 'Linux',
  PowerShell: 'Windows',
  WindowsRestart: 'Windows',
  WindowsUpdate: 'Windows',
}

/** What the inputs ask of an operating system that cannot do it. */
export function customizationProblems(customization: Customization, osType: OsType): Problem[] {
  const os = `the source image is ${osType}`
  const { provisioner, own, further, validators } = customization
  const problems: Problem[] = []
  if (osType === 'Windows' && provisioner === 'shell') {
    problems.push({ input: 'provisioner', message: `'shell' needs Linux; ${os}.` })
  }
  if (osType === 'Linux' && provisioner === 'powershell') {
    problems.push({ input: 'provisioner', message: `'powershell' needs Windows; ${os}.` })
  }
  if (osType === 'Linux') {
    const asked = WINDOWS_INPUTS.filter(([, isAsked]) => isAsked(customization))
    problems.push(...asked.map(([input]) => ({ input, message: `needs Windows; ${os}.` })))
  }
  for (const { body, place } of [...own, ...further, ...validators]) {
    const needed = OS_OF_TYPE[body.type]
    if (needed !== undefined && needed !== osType) {
      problems.push(problemAt(place, '.type', `'${body.type}' needs ${needed}; ${os}.`))
    }
  }
  return problems
}

/** All customizers of a build, in the order in which they run. */
export function customizers(
  customization: Customization,
  osType: OsType,
  artifact?: BuildArtifact & { remove: boolean },
): Customizer[] {
  const { inlineScript, windowsRestart, windowsUpdate, own, further } = customization
  return [
    ...(artifact ? artifactCustomizers(osType, artifact) : []),
    ...own.map(({ body }) => body),
    ...(inlineScript.length > 0 ? [script(customization, osType, inlineScript, 'inline-script')] : []),
    ...(windowsRestart ? [WINDOWS_RESTART] : []),
    ...further.map(({ body }) => body),
    ...(windowsUpdate ? [WINDOWS_UPDATE] : []),
    ...(artifact?.remove ? [removeArtifactCustomizer(osType, artifact.folder)] : []),
  ]
}

/** The validator of `validation-script`, as a list of none or one. */
export function scriptValidators(customization: Customization, osType: OsType): Validator[] {
  const { validationScript } = customization
  return validationScript.length > 0
    ? [script(customization, osType, validationScript, 'validation-script')]
    : []
}

const WINDOWS_RESTART: Customizer = { type: 'WindowsRestart', name: 'aib-action: restart' }

/** Important and recommended updates, without previews: the criteria of the Azure DevOps task, letter by letter. */
const WINDOWS_UPDATE: Customizer = {
  type: 'WindowsUpdate',
  name: 'aib-action: Windows Update',
  searchCriteria: 'IsInstalled=0',
  filters: ["exclude:$_.Title -like '*Preview*'", 'include:$true'],
}

function script(
  { provisioner, runElevated, runAsSystem }: Customization,
  osType: OsType,
  lines: string[],
  input: string,
): Validator {
  const name = `aib-action: ${input.replace('-', ' ')}`
  if (scriptProvisioner(provisioner, osType) === 'shell')
    return { type: 'Shell', name, inline: namingLines(lines, input) }
  return {
    type: 'PowerShell',
    name,
    inline: failingFast(lines, input),
    ...(runElevated ? { runElevated: true } : {}),
    ...(runAsSystem ? { runAsSystem: true } : {}),
  }
}

/** `auto` follows the source image's operating system. */
export function scriptProvisioner(provisioner: Provisioner, osType: OsType): 'shell' | 'powershell' {
  if (provisioner !== 'auto') return provisioner
  return osType === 'Linux' ? 'shell' : 'powershell'
}
