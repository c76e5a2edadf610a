/** What in the scripts of a build is known to break it or to hold it up, before they are run; each finding names its line. */
import path from 'node:path'
import { artifactTarget } from './artifact-scripts.ts'
import { scriptProvisioner } from './customizers.ts'
import type { NewBuild } from './inputs.ts'
import type { Warning } from './preflight.ts'
import { lintPowerShell } from './powershell-lint.ts'
import { lintShell } from './shell-lint.ts'
import { readPowerShell } from './powershell-commands.ts'
import { readShell } from './shell-commands.ts'
import type { OsType } from './source-image.ts'

/** Findings by name; `ignore-warnings` takes these. */
export const SCRIPT_WARNINGS = {
  'waits-for-input': 'a command that waits for a person',
  'restart-in-script': 'a restart that the build does not survive',
  'closes-connection': 'a command that locks Image Builder out',
  'deprovisioning-removed': 'what the build needs at its end is deleted',
  'unquoted-path': "the artifact's folder without quotation marks",
} as const

export interface ScriptWarning {
  name: keyof typeof SCRIPT_WARNINGS
  /** From 1. */
  line: number
  /** A sentence, without the place. */
  message: string
}

/** Blanks and signs with a meaning in a shell or in PowerShell; of a leading `_` the documentation warns as well. */
const NEEDS_QUOTES = /^_|[\s'"$`&;|<>()]/

/**
 * The folder that the artifact lands in, used without quotation marks although its name needs them ("Azure VM Image
 * Builder DevOps task": directories with a leading underscore, too).
 * @param target path of the folder in the image
 */
export function lintPaths(script: readonly string[], target: string, language: Language): ScriptWarning[] {
  const folder = target.split(/[\\/]/).at(-1) ?? ''
  if (!NEEDS_QUOTES.test(folder)) return []
  const isBare = language === 'shell' ? bareInShell(script) : bareInPowerShell(script)
  const spelled = (text: string): string =>
    language === 'shell' ? text : text.replaceAll('\\', '/').toLowerCase()
  const [text, path] = [spelled(script.join('\n')), spelled(target)]
  const lines = new Set<number>()
  for (let from = text.indexOf(path); from >= 0; from = text.indexOf(path, from + 1)) {
    const to = from + path.length
    const goesOn = /[\w.-]/.test(text[to] ?? '')
    if (!goesOn && isBare(from, to)) lines.add(text.slice(0, from).split('\n').length)
  }
  const message = `${target} stands without quotation marks; write '${target}'.`
  return [...lines].map((line) => ({ name: 'unquoted-path', line, message }))
}

export type Language = 'shell' | 'powershell'
type IsBare = (from: number, to: number) => boolean

function bareInShell(script: readonly string[]): IsBare {
  return readShell(script)?.unquoted ?? (() => false)
}

function bareInPowerShell(script: readonly string[]): IsBare {
  const bare = readPowerShell(script)?.bare
  const text = script.join('\n')
  return (from, to) => bare?.slice(from, to) === text.slice(from, to)
}

/** A script of the build, and how its lines are called. */
interface BuildScript {
  lines: readonly string[]
  language: Language
  /** Whether it runs in the VM that becomes the image, and not in one that tests it. */
  customizes: boolean
  /** @param line from 1 */
  placeOf: (line: number) => Pick<Warning, 'at'> & { words: string }
}

/** Warnings for all scripts that the inputs hold, in the order in which these run. */
export function scriptWarnings(request: NewBuild, osType: OsType): Warning[] {
  const targets = targetsOf(request, osType)
  return scriptsOf(request, osType).flatMap(({ lines, language, customizes, placeOf }) => {
    const found = language === 'shell' ? lintShell(lines) : lintPowerShell(lines)
    const paths = targets.flatMap((target) => lintPaths(lines, target, language))
    return [...found, ...paths]
      .filter(({ name }) => customizes || name !== 'deprovisioning-removed')
      .toSorted((a, b) => a.line - b.line)
      .map(({ name, line, message }) => {
        const { words, at } = placeOf(line)
        return { name, message: `${words}: ${message}`, ...(at ? { at } : {}) }
      })
  })
}

function scriptsOf({ customization }: NewBuild, osType: OsType): BuildScript[] {
  const { own, further, validators } = customization
  const ofInput = (input: ScriptInput, lines: string[]): BuildScript => ({
    lines,
    language: scriptProvisioner(customization.provisioner, osType),
    customizes: input === 'inline-script',
    placeOf: (line) => ({ words: `${input}, line ${line}`, at: { input, line } }),
  })
  const ofSteps = (steps: readonly Step[], customizes: boolean): BuildScript[] =>
    steps.flatMap(({ body, place }) => {
      const inline = 'inline' in body ? (body.inline ?? []) : []
      const { input, path: at = '' } = place
      const name = at.startsWith('[') ? `${input}${at}` : `${input}, ${at}`
      const language = body.type === 'Shell' ? 'shell' : 'powershell'
      const placeOf = (line: number): { words: string } => ({
        words: `${name}.inline[${elementOf(inline, line)}]`,
      })
      return [{ lines: inline.flatMap((one) => one.split(/\r?\n/)), language, customizes, placeOf }]
    })
  return [
    ...ofSteps(own, true),
    ofInput('inline-script', customization.inlineScript),
    ...ofSteps(further, true),
    ...ofSteps(validators, false),
    ofInput('validation-script', customization.validationScript),
  ]
}

type ScriptInput = NonNullable<Warning['at']>['input']
type Step = NewBuild['customization']['own' | 'validators'][number]

/** Which element of `inline`, from 0, holds a line; an element may have several. */
function elementOf(inline: readonly string[], line: number): number {
  let rest = line
  return inline.findIndex((one) => (rest -= one.split('\n').length) <= 0)
}

/** The workspace's own folder is named like the repository, or by the runner, which mostly is the same. */
function targetsOf({ artifact, workflowRun }: NewBuild, osType: OsType): string[] {
  if (!artifact) return []
  const names = [path.basename(artifact.path), workflowRun.repository.split('/')[1] ?? '']
  return [...new Set(names)].filter((name) => name !== '').map((name) => artifactTarget(osType, name))
}
