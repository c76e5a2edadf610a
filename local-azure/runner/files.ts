/** The command files of one stage: made empty before it, read once after it, however it ended. */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseCommandFile } from './commands.ts'
import type { Masks } from './commands.ts'
import type { StageLog } from './log.ts'

/** Folder in `RUNNER_TEMP`, as the runner names it. */
export const COMMAND_FOLDER = '_runner_file_commands'
const SUMMARY_LIMIT = 1024 * 1024
const SUMMARY_HELP =
  'For more information see: https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#adding-a-markdown-summary'

/** Context name → prefix of the file's name; in the order in which the files are processed. */
const PREFIXES = {
  path: 'add_path_',
  env: 'set_env_',
  step_summary: 'step_summary_',
  state: 'save_state_',
  output: 'set_output_',
} as const
type CommandFileName = keyof typeof PREFIXES
const NAMES = Object.keys(PREFIXES) as CommandFileName[]

export type CommandFiles = Record<CommandFileName, string>

/** What a stage wrote into its files. */
export interface FileContents {
  path: string[]
  env: [string, string][]
  state: [string, string][]
  output: [string, string][]
  /** Masked; empty when it was too large. */
  summary: string
  /** The files' text, unmasked. */
  raw: Record<CommandFileName, string>
}

/** Makes a stage's five empty files. */
export async function createCommandFiles(runnerTemp: string): Promise<CommandFiles> {
  const folder = path.join(runnerTemp, COMMAND_FOLDER)
  await mkdir(folder, { recursive: true })
  const suffix = randomUUID()
  const entries = NAMES.map((name) => [name, path.join(folder, PREFIXES[name] + suffix)] as const)
  for (const [, file] of entries) await writeFile(file, '')
  return Object.fromEntries(entries) as CommandFiles
}

/** `GITHUB_ENV`, `GITHUB_OUTPUT` … */
export function fileVariables(files: CommandFiles): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [`GITHUB_${name.toUpperCase()}`, files[name]]))
}

/** Reads and removes the files; what is wrong in them goes to the log and fails the step. A file that is gone counts as empty. */
export async function takeCommandFiles(
  files: CommandFiles,
  log: StageLog,
  masks: Masks,
): Promise<FileContents> {
  const texts = await Promise.all(NAMES.map(async (name) => [name, await readOrEmpty(files[name])] as const))
  const raw = Object.fromEntries(texts) as FileContents['raw']
  await Promise.all(NAMES.map((name) => rm(files[name], { force: true })))
  return {
    raw,
    path: raw.path.split(/\r?\n/).filter((line) => line !== ''),
    env: allowedVariables(readPairs('env', raw.env, log), log),
    summary: readSummary(raw.step_summary, log, masks),
    state: readPairs('state', raw.state, log),
    output: readPairs('output', raw.output, log),
  }
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return ''
  }
}

function readPairs(name: CommandFileName, text: string, log: StageLog): [string, string][] {
  const { pairs, error } = parseCommandFile(text)
  if (error) log.fail(`Unable to process file command '${name}' successfully.`, error)
  return pairs
}

function allowedVariables(pairs: [string, string][], log: StageLog): [string, string][] {
  return pairs.filter(([name]) => {
    const refused = name.toUpperCase() === 'NODE_OPTIONS'
    if (refused) log.error("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
    return !refused
  })
}

/** A summary that is too large is an annotation and nothing else: the step's result stays. */
function readSummary(text: string, log: StageLog, masks: Masks): string {
  const size = Buffer.byteLength(text)
  if (size <= SUMMARY_LIMIT)
    return text
      .split('\n')
      .map((line) => masks.apply(line))
      .join('\n')
  const got = `${Math.floor(size / 1024)}k`
  log.error(
    `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got ${got}. ${SUMMARY_HELP}`,
  )
  return ''
}
