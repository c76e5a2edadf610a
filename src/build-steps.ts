/** Which customizer of the template a provisioner of the log is, and what the failed one said. */
import type { LogReading, Provisioner } from './packer-log.ts'

/** A customizer or validator. */
export interface BuildStep {
  /** As the template has it: Shell, PowerShell, File, WindowsRestart, WindowsUpdate. */
  type: string
  name?: string
}

/** The step in which a build broke. */
export interface FailedStep {
  /** As `titleOf`. */
  title: string
  /** Its number among the steps, from 1; absent where that is not certain, and for what Image Builder added. */
  number?: number
  /** How many steps there are. */
  total: number
  name?: string
  /** Packer's name, as `shell`. */
  type: string
  exitCode?: number
  /** Line of the user's script, from 1, where the script's output tells. */
  script?: { input: 'inline-script' | 'validation-script'; line: number }
  /** Its last 20 lines. */
  output: string[]
}

const OUTPUT_LINES = 20
/** Packer's names for the types of the template (documented in the troubleshooting guide). */
const PROVISIONERS: Record<string, string> = {
  shell: 'shell',
  powershell: 'powershell',
  file: 'file',
  windowsrestart: 'windows-restart',
  windowsupdate: 'windows-update',
}
/** Added by the action to a script: the line that failed. */
const FAILING_LINE = /^(?:==> )?aib-action: (inline-script|validation-script), line (\d+): exit code (-?\d+)$/
/** PowerShell's parser does not like the script: told line by line, the first is the one to look at. */
const UNREADABLE_LINE = /^(?:==> )?(?:aib-action: )?(inline-script|validation-script), line (\d+): /
/** PowerShell's own word, of a script that has no file. */
const AT_LINE = /^(?:==> )?At line:(\d+) char:\d+/
const OWN_SCRIPTS: Record<string, 'inline-script' | 'validation-script'> = {
  'aib-action: inline script': 'inline-script',
  'aib-action: validation script': 'validation-script',
}

/**
 * The steps of a template, in the order in which they run; none where it has none.
 * @param templateBody body of an image template
 * @param part `validate` for what `validation.log` tells of
 */
export function stepsOf(templateBody: object, part: 'customize' | 'validate' = 'customize'): BuildStep[] {
  const properties = fieldOf(templateBody, 'properties')
  const steps =
    part === 'customize'
      ? fieldOf(properties, 'customize')
      : fieldOf(fieldOf(properties, 'validate'), 'inVMValidations')
  if (!Array.isArray(steps)) return []
  return steps.map((step: unknown) => {
    const [type, name] = [fieldOf(step, 'type'), fieldOf(step, 'name')]
    return {
      type: typeof type === 'string' ? type : '',
      ...(typeof name === 'string' && name !== '' ? { name } : {}),
    }
  })
}

/**
 * What a provisioner is called for a reader: `customizer 3 of 4: aib-action: inline script (shell)`,
 * `deprovisioning, added by Image Builder (shell)`, or `provisioner 2 (shell)` where that is not certain.
 */
export function titleOf(provisioner: Provisioner, reading: LogReading, steps: readonly BuildStep[]): string {
  const { number, type } = provisioner
  const place = placeOf(provisioner, reading, steps)
  if (place === 'deprovisioning') return `deprovisioning, added by Image Builder (${type})`
  if (place === undefined) return `provisioner ${number} (${type})`
  const name = steps[place - 1]?.name
  return `customizer ${place} of ${steps.length}${name === undefined ? '' : `: ${name}`} (${type})`
}

/**
 * The step that failed, with what it said; undefined where none did.
 * @param provisioner the one to tell of, where the log stops without a word, as it may when time runs out: `reading.running`
 */
export function failedStep(
  reading: LogReading,
  steps: readonly BuildStep[],
  provisioner: Provisioner | undefined = reading.failed,
): FailedStep | undefined {
  if (!provisioner) return undefined
  const { type, tail, exitCode } = provisioner
  const place = placeOf(provisioner, reading, steps)
  const number = typeof place === 'number' ? place : undefined
  const name = number === undefined ? undefined : steps[number - 1]?.name
  const marker = tail.map((line) => FAILING_LINE.exec(line)).findLast((found) => found !== null)
  const code = exitCode ?? (marker ? Number(marker[3]) : undefined)
  const script = scriptOf(provisioner, marker ?? undefined, name)
  return {
    title: titleOf(provisioner, reading, steps),
    ...(number === undefined ? {} : { number }),
    total: steps.length,
    ...(name === undefined ? {} : { name }),
    type,
    ...(code === undefined ? {} : { exitCode: code }),
    ...(script ? { script } : {}),
    output: tail.filter((line) => !FAILING_LINE.test(line)).slice(-OUTPUT_LINES),
  }
}

function scriptOf(
  { type, tail }: Provisioner,
  marker: RegExpExecArray | undefined,
  name: string | undefined,
): FailedStep['script'] {
  const isPowerShell = type === 'powershell'
  const unreadable = isPowerShell ? tail.map((line) => UNREADABLE_LINE.exec(line)).find(Boolean) : undefined
  const told = marker ?? unreadable
  if (told) return { input: told[1] as 'inline-script' | 'validation-script', line: Number(told[2]) }
  const input = name === undefined ? undefined : OWN_SCRIPTS[name]
  if (!isPowerShell || input === undefined) return undefined
  const line = tail.map((said) => AT_LINE.exec(said)?.[1]).findLast((found) => found !== undefined)
  return line === undefined ? undefined : { input, line: Number(line) }
}

/** Number of the step that a provisioner is; undefined where that is not certain. */
function placeOf(
  { number, type }: Provisioner,
  { provisioners }: LogReading,
  steps: readonly BuildStep[],
): number | 'deprovisioning' | undefined {
  const offset = offsetOf(provisioners, steps)
  if (offset === undefined || number <= offset) return undefined
  const place = number - offset
  if (place <= steps.length) return place
  // Documented: one hidden step that generalizes the VM, by a script.
  return place === steps.length + 1 && /^(?:power)?shell$/.test(type) ? 'deprovisioning' : undefined
}

/**
 * How many provisioners run before the first step. Documented: Image Builder adds one behind the last. Whether it adds
 * any in front is not confirmed: the fewest that let the types agree.
 */
function offsetOf(provisioners: readonly Provisioner[], steps: readonly BuildStep[]): number | undefined {
  for (let offset = 0; offset < provisioners.length; offset += 1) {
    const agrees = steps.every(({ type }, index) => {
      const seen = provisioners[offset + index]
      return !seen || seen.type.toLowerCase() === PROVISIONERS[type.toLowerCase()]
    })
    if (agrees) return offset
  }
  return undefined
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
