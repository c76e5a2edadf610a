/** The ways from a folder to a blob that are compared. */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { RunningPlace } from './place.ts'
import { BENCH_FOLDER, type Tree } from './trees.ts'
import { measure, type Usage } from './usage.ts'

export interface Programs {
  azcopy: string
  /** The bundled program of the action's own way. */
  ours: string
}

const AZCOPY =
  '"$AZCOPY" copy "$ARCHIVE" "$TARGET" --from-to LocalBlob --output-level quiet --log-level ERROR'

/** Name of an option → how it is called in tables, and what it runs in the tree's folder. */
export const WAYS = {
  zip: { title: '`zip -r` + azcopy', script: `zip -r -q "$ARCHIVE" .\n${AZCOPY}`, end: 'zip' },
  tar: {
    title: '`tar | pigz -6` + azcopy',
    script: `tar cf - . | pigz -6 > "$ARCHIVE"\n${AZCOPY}`,
    end: 'tar.gz',
  },
  'ours-zip': { title: 'this action, zip', script: '"$NODE" "$OURS" zip', end: 'zip' },
  'ours-tar': { title: 'this action, tar.gz', script: '"$NODE" "$OURS" tar.gz', end: 'tar.gz' },
}
export type WayName = keyof typeof WAYS

export interface Measured extends Usage {
  /** Size of the blob that came of it, in bytes. */
  archive: number
}

/** Goes one way once, with folders of its own, which are removed afterwards. */
export async function go(
  way: WayName,
  tree: Tree,
  place: RunningPlace,
  programs: Programs,
): Promise<Measured> {
  const { script, end } = WAYS[way]
  const work = path.join(BENCH_FOLDER, 'work', String(process.pid))
  const temporary = path.join(work, 'tmp')
  // azcopy's logs and plans lie elsewhere: they are not held against it.
  for (const folder of [temporary, path.join(work, 'home')]) mkdirSync(folder, { recursive: true })
  const blob = `${way}-${Date.now()}.${end}`
  try {
    const env = {
      ...cleanEnvironment(),
      ...folders(work),
      ARCHIVE: path.join(temporary, blob),
      TARGET: `${place.endpoint}${place.container}/${blob}?${place.sas}`,
      AZCOPY: programs.azcopy,
      SSL_CERT_FILE: place.caFile,
      NODE: process.execPath,
      OURS: programs.ours,
      NODE_EXTRA_CA_CERTS: place.caFile,
      BENCH_TREE: tree.folder,
      BENCH_ENDPOINT: place.endpoint,
      BENCH_CONTAINER: place.container,
      BENCH_BLOB: blob,
      BENCH_TOKEN: place.token,
    }
    const usage = await measure({ script, cwd: tree.folder, env, temporary })
    return { ...usage, archive: await place.sizeOf(blob) }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** This process's own, without what Node and npm put there or take from there: a fresh runner has no compile cache. */
export function cleanEnvironment(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_|npm_|AZCOPY_|INPUT_|GITHUB_)/i.test(name),
  )
  return Object.fromEntries(kept)
}

function folders(work: string): Record<string, string> {
  return {
    HOME: path.join(work, 'home'),
    TMPDIR: path.join(work, 'tmp'),
    RUNNER_TEMP: path.join(work, 'tmp'),
    AZCOPY_LOG_LOCATION: path.join(work, 'home'),
    AZCOPY_JOB_PLAN_LOCATION: path.join(work, 'home'),
    AZCOPY_DISABLE_SYSLOG: 'true',
  }
}
