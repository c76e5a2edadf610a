/** Why an image was taken as it is, or built anew, in words: names alone, never contents. */
import type { Changes } from './key-parts.ts'
import { BUILD_STARTED_TAG, nameOfSource } from './image-template.ts'
import { tagOf, type SeenVersion } from './promotion/candidate.ts'
import type { Builder, BuildReport } from './report.ts'

/** Names of a list that are told; the rest is counted. */
const NAMES_TOLD = 20

/** One line a kind of change: what it is, and which names. */
export interface ChangeLine {
  what: string
  names: string
}

/** What is other than in the last build; empty for a build that was not compared with one. */
export function changeLines({ changes, sourceImage }: BuildReport): ChangeLine[] {
  if (!changes) return []
  const { source, parts, notTaken } = changes
  const now = sourceImage ? nameOfSource(sourceImage).slice(-256) : ''
  const lines = [
    ...(source !== '' && source !== now ? [{ what: 'source', names: `${source} → ${now}` }] : []),
    ...(parts ? partLines(parts) : []),
  ]
  if (notTaken !== undefined) return [{ what: 'the same, but not taken', names: notTaken }, ...lines]
  if (lines.length > 0) return lines
  return parts
    ? [{ what: 'template', names: 'in a part that its record does not name' }]
    : [{ what: 'unknown', names: 'that version has no record of its parts' }]
}

function partLines({ template, added, removed, changed }: Changes): ChangeLine[] {
  const lists: [string, string[]][] = [
    ['template', template],
    ['added to the artifact', added],
    ['removed from the artifact', removed],
    ['changed in the artifact', changed],
  ]
  return lists.filter(([, names]) => names.length > 0).map(([what, names]) => ({ what, names: told(names) }))
}

function told(names: readonly string[]): string {
  const rest = names.length - NAMES_TOLD
  return [...names.slice(0, NAMES_TOLD), ...(rest > 0 ? [`… and ${rest} more`] : [])].join(', ')
}

/** By whom an image was built, and when, as its tags say. */
export function builderOf(image: Pick<SeenVersion, 'tags'>): Builder {
  const [run, commit, startedAt] = ['workflow-run-url', 'commit', BUILD_STARTED_TAG].map((name) =>
    tagOf(image, name),
  )
  return { ...(run && { run }), ...(commit && { commit }), ...(startedAt && { startedAt }) }
}
