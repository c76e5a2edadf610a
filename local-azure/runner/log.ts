/** One stage's log: carries out the workflow commands that a process prints and keeps what the user sees. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseCommand, type Command, type Masks } from './commands.ts'

export interface Annotation {
  level: 'error' | 'warning' | 'notice'
  message: string
  title?: string
  file?: string
  line?: number
}

export interface StageLogOptions {
  masks: Masks
  /** Step debugging: `::debug::` shows and commands are echoed. */
  debug: boolean
  workspace: string
  onLine: (line: string) => void
}

/** Kept annotations of each level, and the length of their messages; the log has them all in full. */
const ANNOTATIONS_PER_LEVEL = 10
const ANNOTATION_LENGTH = 4096

const INSECURE =
  'Please upgrade to using Environment Files or opt into unsecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`. For more information see: https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/'
const DEPRECATED =
  'command is deprecated and will be disabled soon. Please upgrade to using Environment Files. For more information see: https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/'
const BAD_STOP_TOKEN =
  "You cannot use a endToken that is an empty string, the string 'pause-logging', or another workflow command. For more information see: https://docs.github.com/actions/learn-github-actions/workflow-commands-for-github-actions#example-stopping-and-starting-workflow-commands or opt into insecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` environment variable to `true`."

const STOP = 'stop-commands'
const COMMANDS = new Set([
  STOP,
  'add-mask',
  'add-matcher',
  'add-path',
  'debug',
  'echo',
  'endgroup',
  'error',
  'group',
  'notice',
  'remove-matcher',
  'save-state',
  'set-env',
  'set-output',
  'warning',
])
/** Commands that show themselves in another way, or must not show at all. */
const NEVER_ECHOED = new Set(['add-mask', 'debug', 'error', 'notice', 'warning'])

export class StageLog {
  /** Masked, as the stored log shows them: `##[error]…`, `##[group]…` and plain text. */
  readonly lines: string[] = []
  readonly annotations: Annotation[] = []
  readonly debug: string[] = []
  /** Set by the deprecated stdout commands. */
  readonly outputs: [name: string, value: string][] = []
  readonly state: [name: string, value: string][] = []
  /** A command could not be carried out: the step fails whatever its exit code. */
  broken = false
  private readonly options: StageLogOptions
  private echo: boolean
  private fence: string | undefined

  constructor(options: StageLogOptions) {
    this.options = options
    this.echo = options.debug
  }

  /** Takes one line that the process printed, on either stream. */
  accept(line: string): void {
    const command = parseCommand(line, (name) => this.isKnown(name))
    if (!command || this.fence !== undefined) {
      this.write(line)
      if (command?.name === this.fence) this.fence = undefined
      return
    }
    const echoed = this.echo && !NEVER_ECHOED.has(command.name)
    if (echoed && command.name !== STOP) this.write(line)
    try {
      if (command.name === STOP) this.stopCommands(command.data, line)
      else this.carryOut(command)
    } catch (error) {
      const shown = NEVER_ECHOED.has(command.name) ? command.name : line
      this.fail(`Unable to process command '${shown}' successfully.`, (error as Error).message)
    }
  }

  error(message: string): void {
    this.annotate('error', message)
  }

  warning(message: string): void {
    this.annotate('warning', message)
  }

  /** Reports a command or command file that the runner cannot carry out. */
  fail(what: string, why: string): void {
    this.error(what)
    this.error(why)
    this.broken = true
  }

  private isKnown(name: string): boolean {
    return name === this.fence || COMMANDS.has(name)
  }

  private write(text: string): void {
    for (const line of this.options.masks.apply(text).split(/\r\n|\r|\n/)) {
      this.lines.push(line)
      this.options.onLine(line)
    }
  }

  private annotate(level: Annotation['level'], message: string, place: Partial<Annotation> = {}): void {
    this.write(`##[${level}]${message}`)
    if (this.annotations.filter((kept) => kept.level === level).length >= ANNOTATIONS_PER_LEVEL) return
    const masked = this.options.masks.apply(message).slice(0, ANNOTATION_LENGTH)
    this.annotations.push({ ...place, level, message: masked })
  }

  /** From here on every line is text, `::add-mask::` included, until `::<token>::`. */
  private stopCommands(token: string, line: string): void {
    const name = token.toLowerCase()
    if (name === '' || name === 'pause-logging' || this.isKnown(name)) throw new Error(BAD_STOP_TOKEN)
    this.fence = name
    if (token.length > 6) this.options.masks.add(token)
    this.write(line)
  }

  private carryOut(command: Command): void {
    const { name, data } = command
    switch (name) {
      case 'error':
      case 'warning':
      case 'notice':
        this.issue(name, command)
        break
      case 'debug':
        this.showDebug(data)
        break
      case 'group':
        this.write(`##[group]${data}`)
        break
      case 'endgroup':
        this.write('##[endgroup]')
        break
      case 'echo':
        this.setEcho(data)
        break
      case 'add-mask':
        this.addMask(data)
        break
      case 'set-output':
      case 'save-state':
        this.keep(name === 'set-output' ? this.outputs : this.state, command)
        break
      case 'set-env':
      case 'add-path':
        throw new Error(`The \`${name}\` command is disabled. ${INSECURE}`)
      case 'add-matcher':
      case 'remove-matcher':
        this.requireMatcher(data)
    }
  }

  private issue(level: Annotation['level'], { data, properties }: Command): void {
    const { title, file, line } = properties
    const { masks, workspace } = this.options
    this.annotate(level, data, {
      ...(title && { title: masks.apply(title) }),
      ...(file && { file: masks.apply(insideWorkspace(file, workspace)) }),
      ...(line && /^\d+$/.test(line) && { line: Number(line) }),
    })
  }

  private showDebug(message: string): void {
    for (const line of message.split(/\r?\n/)) {
      this.debug.push(this.options.masks.apply(line))
      if (this.options.debug) this.write(`##[debug]${line}`)
    }
  }

  private setEcho(value: string): void {
    const wanted = value.trim().toLowerCase()
    if (wanted !== 'on' && wanted !== 'off') {
      throw new Error(
        `Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '${value}'.`,
      )
    }
    this.echo = wanted === 'on'
  }

  private addMask(value: string): void {
    if (value.trim() === '') {
      this.warning("Can't add secret mask for empty string in ##[add-mask] command.")
      return
    }
    this.options.masks.add(value)
    if (this.echo) this.write('::add-mask::***')
  }

  private keep(pairs: [string, string][], { name, properties, data }: Command): void {
    const key = properties['name']
    if (!key) throw new Error(`Required field 'name' is missing in ##[${name}] command.`)
    this.warning(`The \`${name}\` ${DEPRECATED}`)
    pairs.push([key, data])
  }

  /** Problem matchers themselves are not played: no line becomes an annotation through them. */
  private requireMatcher(file: string): void {
    const absolute = path.resolve(this.options.workspace, file)
    if (file !== '' && !existsSync(absolute)) throw new Error(`Could not find file '${absolute}'.`)
  }
}

function insideWorkspace(file: string, workspace: string): string {
  const relative = path.relative(workspace, file)
  const inside = path.isAbsolute(file) && !relative.startsWith('..') && relative !== ''
  return inside ? relative : file
}
