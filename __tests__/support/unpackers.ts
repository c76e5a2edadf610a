/** Programs that unpack or check archives, where the machine has them. */
import { spawnSync } from 'node:child_process'
import type { ArchiveFormat } from '../../src/artifact-entries.ts'
import type { Kept } from './generated-trees.ts'

export interface ArchiveProgram {
  name: string
  format: ArchiveFormat
  /** The command line whose success shows that it is there, and what it must print. */
  probe: [program: string, ...options: string[]]
  prints?: string
}
export interface Unpacker extends ArchiveProgram {
  command: (archive: string, target: string) => string[]
  keeps: Kept
}
export interface Checker extends ArchiveProgram {
  command: (archive: string) => string[]
}

const ALL: Kept = { modes: 0o7777, links: true, composition: true }
/** A zip for Windows holds what links lead to. Info-ZIP's unzip drops the bits above 0777. */
const CONTENT: Kept = { modes: 0, links: false, composition: true }
const PERMISSIONS: Kept = { ...CONTENT, modes: 0o777 }
/** libarchive brings names in UTF-8 into form C. */
const LIBARCHIVE = { composition: false }

const PYTHON_UNPACK = 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])'
const PYTHON_TEST =
  'import sys, zipfile; bad = zipfile.ZipFile(sys.argv[1]).testzip(); sys.exit(bad and f"bad: {bad}")'

const GNU_TAR: ArchiveProgram = {
  name: 'GNU tar',
  format: 'tar.gz',
  probe: ['tar', '--version'],
  prints: 'GNU tar',
}
const BUSYBOX: ArchiveProgram = { name: 'busybox tar', format: 'tar.gz', probe: ['busybox', 'tar', '--help'] }
const BSDTAR: ArchiveProgram = { name: 'bsdtar', format: 'tar.gz', probe: ['bsdtar', '--version'] }
const UNZIP: ArchiveProgram = { name: "Info-ZIP's unzip", format: 'zip', probe: ['unzip', '-v'] }
const PYTHON: ArchiveProgram = {
  name: "Python's zipfile",
  format: 'zip',
  probe: ['python3', '-c', 'import zipfile'],
}

export const UNPACKERS: Unpacker[] = [
  { ...GNU_TAR, command: (archive, target) => ['tar', '-xpzf', archive, '-C', target], keeps: ALL },
  {
    ...BUSYBOX,
    command: (archive, target) => ['busybox', 'tar', '-xpzf', archive, '-C', target],
    keeps: ALL,
  },
  {
    ...BSDTAR,
    command: (archive, target) => ['bsdtar', '-xpf', archive, '-C', target],
    keeps: { ...ALL, ...LIBARCHIVE },
  },
  // Its defaults drop control characters and what looks like a version number of VMS.
  {
    ...UNZIP,
    command: (archive, target) => ['unzip', '-qq', '-^', '-V', archive, '-d', target],
    keeps: PERMISSIONS,
  },
  {
    ...BSDTAR,
    format: 'zip',
    command: (archive, target) => ['bsdtar', '-xpf', archive, '-C', target],
    keeps: { ...PERMISSIONS, ...LIBARCHIVE },
  },
  {
    ...BSDTAR,
    name: 'bsdtar, from a pipe, without the directory at the end',
    format: 'zip',
    command: (archive, target) => ['sh', '-c', 'cat "$1" | bsdtar -xf - -C "$2"', 'sh', archive, target],
    keeps: { ...CONTENT, ...LIBARCHIVE },
  },
  {
    ...PYTHON,
    command: (archive, target) => ['python3', '-c', PYTHON_UNPACK, archive, target],
    keeps: CONTENT,
  },
]

export const CHECKERS: Checker[] = [
  {
    name: 'gzip -t',
    format: 'tar.gz',
    probe: ['gzip', '--version'],
    command: (archive) => ['gzip', '-t', archive],
  },
  { ...UNZIP, name: 'unzip -tqq', command: (archive) => ['unzip', '-tqq', archive] },
  { name: 'zip -T', format: 'zip', probe: ['zip', '-v'], command: (archive) => ['zip', '-q', '-T', archive] },
  { ...PYTHON, name: "Python's testzip", command: (archive) => ['python3', '-c', PYTHON_TEST, archive] },
]

/** Why a program cannot be used here; undefined where it can. */
export function missing({ probe: [program, ...options], prints = '' }: ArchiveProgram): string | undefined {
  if (process.platform !== 'linux') return 'on Linux alone'
  const { status, stdout } = spawnSync(program, options, { encoding: 'utf8' })
  return status === 0 && stdout.includes(prints) ? undefined : 'not on this machine'
}

/** @throws Error with what the program printed, when it complains of anything */
export function runProgram([program = '', ...options]: string[]): void {
  const env = { ...process.env, LC_ALL: 'C.UTF-8', PYTHONUTF8: '1' }
  const { status, stdout, stderr } = spawnSync(program, options, { encoding: 'utf8', env })
  if (status !== 0 || stderr !== '') throw new Error(`${program} ended with ${status}:\n${stderr}${stdout}`)
}
