/** Runs the script of a Shell customizer as Packer does, on a system that has a few programs and no others. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { quotePosix } from '../../src/shell.ts'
import type { Customizer } from '../../src/template-schema.ts'

/** `name` for a program of this machine, `busybox name` for BusyBox's. */
export type Program = string

export interface BareImage {
  /** An existing folder that the caller removes. */
  folder: string
  programs: Program[]
  /** What the script may delete, as a pattern of the shell's `case`; anything else ends it with exit code 99. */
  deletable: string
  /** The shell and its options. */
  shell?: string[]
  /** Whether a minute is over after a second, in every program's arguments. */
  impatient?: boolean
}

export interface ScriptEnd {
  code: number
  /** Both streams. */
  output: string
  /** Arguments of every program that was started, a program a line. */
  commandLines: string
}

/** One script of all the commands, in a directory of its own, with a `sleep` that takes no time. */
export async function runScript(customizers: Customizer[], image: BareImage): Promise<ScriptEnd> {
  const home = await mkdtemp(path.join(image.folder, 'home-'))
  const bin = path.join(home, 'bin')
  await mkdir(bin)
  for (const [name, command] of commandsOf(image)) {
    const text = `#!/bin/sh\n${recording(path.join(home, 'started'))}${command}\n`
    await writeFile(path.join(bin, name), text, { mode: 0o755 })
  }
  const inline = customizers.flatMap((one) => (one.type === 'Shell' ? (one.inline ?? []) : []))
  const script = path.join(home, 'script')
  await writeFile(script, ['#!/bin/sh -e', ...inline, ''].join('\n'))
  const [shell = '/bin/sh', ...options] = image.shell ?? []
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const settings = { env: { PATH: bin }, cwd: home }
    execFile(shell, [...options, '-e', script], settings, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr })
    })
  })
  const started = path.join(home, 'started')
  return { code, output, commandLines: existsSync(started) ? await readFile(started, 'utf8') : '' }
}

const recording = (file: string): string => `printf '%s\\n' "$0 $*" >>${quotePosix(file)}\n`

function commandsOf({ programs, deletable, impatient = false }: BareImage): [name: string, script: string][] {
  const machine = `PATH=${quotePosix(process.env['PATH'] ?? '')}`
  // BusyBox's `timeout` starts a program, which is one of the image.
  const start = (program: string): string =>
    program.startsWith('busybox ') ? `exec /bin/${program} "$@"` : `${machine}; exec ${program} "$@"`
  // A minute, or a little more, stands alone or behind `=`.
  const hurry = `for word; do shift; set -- "$@" "$(printf '%s' "$word" | ${machine} sed 's/\\b6[01]\\b/1/g')"; done\n`
  const guard = [
    'for word; do case $word in',
    `  -rf|-f|${deletable}) ;;`,
    '  *) echo "refusing to delete $word" >&2; exit 99;;',
    'esac; done',
  ]
  return [
    ...programs.map((program): [string, string] => [
      program.replace(/^busybox /, ''),
      `${impatient ? hurry : ''}${start(program)}`,
    ]),
    ['rm', [...guard, machine, 'exec rm "$@"'].join('\n')],
    ['sudo', 'exec "$@"'],
    ['sleep', ''],
  ]
}
