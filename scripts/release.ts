/**
 * What a release is: `node scripts/release.ts <step> <tag>`, run in a checkout by `.github/workflows/release.yml`.
 *
 * - `check`: tag, package.json, lockfile, src/version.ts, changelog and the reusable workflows say the same version.
 * - `dist <checkout> …` (in place of the tag): `dist` is what was built in each, to the byte.
 * - `notes`: prints the changelog's section.
 * - `publish`: makes the release, with the notes, or brings the one that is there up to date.
 * - `move`: moves `v1` and `v1.2` to `v1.2.3`, never backwards, and for no pre-release.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** A version as `v1.2.3` or `v1.2.3-rc.1` says it. */
interface Version {
  /** Without the `v`. */
  text: string
  /** Major, minor, patch. */
  numbers: [number, number, number]
  isPreRelease: boolean
}

/** Undefined for what is no tag of a release, such as `v1`, `v1.02.3` or `latest`. */
export function versionOf(tag: string): Version | undefined {
  const number = '(0|[1-9]\\d{0,8})'
  const match = new RegExp(`^v(${number}\\.${number}\\.${number}(-[0-9A-Za-z.-]+)?)$`).exec(tag)
  if (!match) return undefined
  const [, text = '', major, minor, patch, pre] = match
  return { text, numbers: [Number(major), Number(minor), Number(patch)], isPreRelease: pre !== undefined }
}

/**
 * The tags that have to point to the release: `v1.2` unless there is a later `v1.2.x`, `v1` unless there is a later
 * `v1.x.y`. None for a pre-release, and pre-releases hold none back.
 * @param tags all tags of the repository
 */
export function movingTags(tag: string, tags: readonly string[]): string[] {
  const version = versionOf(tag)
  if (!version || version.isPreRelease) return []
  const [major, minor] = version.numbers
  const later = releasesAmong(tags).filter((one) => isLater(one, version))
  return [
    ...(later.some(({ numbers }) => numbers[0] === major) ? [] : [`v${major}`]),
    ...(later.some(({ numbers }) => numbers[0] === major && numbers[1] === minor)
      ? []
      : [`v${major}.${minor}`]),
  ]
}

function releasesAmong(tags: readonly string[]): Version[] {
  return tags.map(versionOf).filter((one): one is Version => one !== undefined && !one.isPreRelease)
}

function isLater({ numbers: one }: Version, { numbers: other }: Version): boolean {
  const index = one.findIndex((number, place) => number !== other[place])
  return index >= 0 && (one[index] ?? 0) > (other[index] ?? 0)
}

/** The body of a version's section; undefined when there is none. */
export function releaseNotes(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^## /m)
  const section = sections.find((one) => one.startsWith(`[${version}]`))
  return section?.slice(section.indexOf('\n') + 1).trim()
}

/** The files that name the version, as text, by their paths. */
export type Files = Record<string, string>

/** Every place that does not say the tag's version, a sentence each. */
export function versionProblems(tag: string, files: Files): string[] {
  const version = versionOf(tag)
  if (!version) return [`${tag} is no version such as v1.2.3 or v1.2.3-rc.1.`]
  const { text } = version
  const said: [where: string, what: string | undefined][] = [
    ['package.json', versionIn(files['package.json'])],
    ['package-lock.json', versionIn(files['package-lock.json'])],
    ['src/version.ts', /VERSION = '([^']*)'/.exec(files['src/version.ts'] ?? '')?.[1]],
    ...Object.entries(files).flatMap(([file, content]) =>
      [...content.matchAll(/uses: org\/aib-action(?:\/[\w-]+)?@v(\S+)/g)].map((match): [string, string] => [
        file,
        match[1] ?? '',
      ]),
    ),
  ]
  const wrong = said.filter(([, what]) => what !== text)
  return [
    ...new Set(wrong.map(([where, what]) => `${where} says ${what ?? 'nothing'}, not ${text}.`)),
    ...changelogProblems(files['CHANGELOG.md'] ?? '', text),
  ]
}

function versionIn(json = '{}'): string | undefined {
  return (JSON.parse(json) as { version?: string }).version
}

function changelogProblems(changelog: string, version: string): string[] {
  const heading = changelog.split('\n').find((line) => line.startsWith(`## [${version}]`))
  if (heading === undefined) return [`CHANGELOG.md has no section [${version}].`]
  const isDated = /\] - \d{4}-\d{2}-\d{2}$/.test(heading)
  return [
    ...(isDated ? [] : [`CHANGELOG.md does not date the section [${version}]: '${heading}'.`]),
    ...(releaseNotes(changelog, version) ? [] : [`CHANGELOG.md says nothing of ${version}.`]),
  ]
}

/**
 * Arguments of `gh` that make the release, or change the one that is there, with the notes from standard input.
 * @param tags all tags of the repository: an older line's release is not the latest
 */
export function publishArguments(tag: string, tags: readonly string[], exists: boolean): string[] {
  const version = versionOf(tag)
  if (!version) throw new Error(`${tag} is no version.`)
  const isLatest = !version.isPreRelease && !releasesAmong(tags).some((one) => isLater(one, version))
  return [
    ...['release', exists ? 'edit' : 'create', tag, '--verify-tag', '--title', tag, '--notes-file', '-'],
    `--prerelease=${version.isPreRelease}`,
    `--latest=${isLatest}`,
  ]
}

/** What is wrong with `dist` in a checkout where it was built anew: files that differ, are missing or were added. */
export function distProblems(checkout: string): string[] {
  const changed = git(checkout, 'status', '--porcelain', '--ignored', '--untracked-files=all', '--', 'dist')
  const lines = changed.split('\n').filter((line) => line !== '')
  if (git(checkout, 'ls-files', 'dist') === '') return [`${checkout}: no file of dist is committed.`]
  return lines.map((line) => `${checkout}: dist is not what the sources make: ${line}`)
}

/** Moves the tags in the remote, all or none. @returns what was moved */
export function moveTags(checkout: string, tag: string): string[] {
  const moved = movingTags(tag, remoteTags(checkout))
  if (moved.length === 0) return []
  const commit = git(checkout, 'rev-parse', '--verify', `refs/tags/${tag}^{commit}`).trim()
  git(checkout, 'push', '--atomic', '--force', 'origin', ...moved.map((one) => `${commit}:refs/tags/${one}`))
  return moved
}

function remoteTags(checkout: string): string[] {
  const lines = git(checkout, 'ls-remote', '--tags', '--refs', 'origin').split('\n')
  return lines.map((line) => line.split('refs/tags/')[1] ?? '').filter((tag) => tag !== '')
}

function git(checkout: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd: checkout, encoding: 'utf8' })
}

function read(file: string): string {
  return readFileSync(file, 'utf8')
}

function versionFiles(): Files {
  const folder = path.join('.github', 'workflows')
  const workflows = readdirSync(folder).map((file) => `${folder}/${file}`)
  const names = ['package.json', 'package-lock.json', 'src/version.ts', 'CHANGELOG.md', ...workflows]
  return Object.fromEntries(names.map((name) => [name, read(name)]))
}

function notesOf(tag: string): string {
  const notes = releaseNotes(read('CHANGELOG.md'), tag.slice(1))
  if (!notes) throw new Error(`CHANGELOG.md says nothing of ${tag}.`)
  return notes
}

function publish(tag: string): void {
  const exists = isReleased(tag)
  execFileSync('gh', publishArguments(tag, remoteTags('.'), exists), {
    input: notesOf(tag),
    stdio: ['pipe', 'inherit', 'inherit'],
  })
}

function isReleased(tag: string): boolean {
  try {
    execFileSync('gh', ['release', 'view', tag], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function fail(problems: string[]): void {
  problems.forEach((problem) => {
    console.error(problem)
  })
  if (problems.length > 0) process.exitCode = 1
}

function main([step = '', ...rest]: string[]): void {
  const [tag = ''] = rest
  const steps: Record<string, () => void> = {
    check: () => {
      fail(versionProblems(tag, versionFiles()))
    },
    dist: () => {
      fail(rest.flatMap(distProblems))
    },
    notes: () => {
      console.log(notesOf(tag))
    },
    publish: () => {
      publish(tag)
    },
    move: () => {
      console.log(`moved: ${moveTags('.', tag).join(', ') || 'none'}`)
    },
  }
  const action = steps[step]
  if (action && tag !== '') action()
  else fail([`usage: node scripts/release.ts ${Object.keys(steps).join('|')} <tag>`])
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2))
