/** What the log says of the build artifact: what goes in, how far it has come, what became of it. Pure. */
import type { Archive, ArchiveDigest } from './archive.ts'
import type { Uploaded } from './azure/block-upload.ts'
import type { Warning } from './preflight.ts'
import { duration } from './report.ts'

/** From here on the largest files are named: somebody may want to leave one out. */
const LARGE_BYTES = 100 * 1024 * 1024
/** When an upload is first spoken of, and how long it is not spoken of again. Milliseconds. */
const [FIRST_WORD, PAUSE] = [10_000, 30_000]

/** An annotation holds 4,096 characters. */
const MOST_NAMED = 25

/** What goes in and what stays out, before it is packed. */
export function contentLines({ files, contentBytes, excluded, largest }: Archive): string[] {
  const more = excluded.count > excluded.names.length ? ', …' : ''
  return [
    `packing ${files} ${files === 1 ? 'file' : 'files'}, ${size(contentBytes)}`,
    ...(excluded.count > 0
      ? [
          `  left out by exclude or .aibignore: ${excluded.count} (${excluded.names.map(oneLine).join(', ')}${more})`,
        ]
      : []),
    ...(contentBytes > LARGE_BYTES
      ? [`  the largest: ${largest.map((file) => `${oneLine(file.path)} (${size(file.size)})`).join(', ')}`]
      : []),
  ]
}

/** What became of it. `what` is `uploaded` or why it was not. */
export function packedLine(
  { files, contentBytes }: Archive,
  { bytes, sha256 }: ArchiveDigest,
  what: string,
  milliseconds: number,
): string {
  return `  files: ${files}, bytes: ${contentBytes}, packed: ${bytes}, ${what} in ${duration(milliseconds)}, SHA-256: ${sha256}`
}

/** What looks like a credential in the tree, a warning for all of it: names and kinds, never the content. */
export function credentialWarnings({ credentials }: Archive): Warning[] {
  if (credentials.length === 0) return []
  const found = credentials.slice(0, MOST_NAMED).map(({ path, kind }) => `- ${oneLine(path)}: ${kind}`)
  if (credentials.length > MOST_NAMED) found.push(`- and ${credentials.length - MOST_NAMED} more`)
  const message = `The build artifact holds what looks like credentials, for everyone to read who can read the image. Leave them out with exclude or .aibignore:\n${found.join('\n')}\n`
  return [{ name: 'credential-files', message }]
}

/**
 * Watches an upload.
 * @param total bytes of the files that go in
 * @returns a line at sensible moments: percent, speed, time left
 */
export function uploadWatch(
  total: number,
  startedAt: number,
): (uploaded: Uploaded, now: number) => string | undefined {
  let due = startedAt + FIRST_WORD
  return ({ bytes, contentBytes }, now) => {
    // What is as good as done needs no word.
    if (now < due || contentBytes >= total) return undefined
    due = now + PAUSE
    const share = contentBytes / total
    const elapsed = now - startedAt
    const speed = size((bytes / elapsed) * 1000)
    const left = share > 0 ? `, ${duration((elapsed / share) * (1 - share))} left` : ''
    return `  ${Math.floor(share * 100)} % of ${size(total)} uploaded, packed to ${size(bytes)}, ${speed}/s${left}`
  }
}

/** A name with a line break in it might pass for a command to the runner. */
function oneLine(name: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return name.replaceAll(/[\u0000-\u001f\u007f]/g, '?')
}

/** Bytes for readers: `1.5 GiB`. */
export function size(bytes: number): string {
  if (bytes === 1) return '1 byte'
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? ''}`
}
