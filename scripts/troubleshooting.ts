/**
 * Writes `docs/troubleshooting.md` from the catalogue of failures: a table of contents by place, and a section for each
 * failure. With `--check` nothing is written, and a document that is not up to date is a failure.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { FAILURES, type Failure, type Place } from '../src/failures.ts'
import { anchor } from '../src/matrix/results-summary.ts'

const DOCUMENT = 'docs/troubleshooting.md'

const HEAD = `# What failed, and what to do

When a build fails, the action looks for what it knows in Azure's answer and in the customization log. What it recognises stands here, with the words that you see: search this page for yours. \`…\` stands for what varies. Each failure has an identifier, which is the output \`failure-code\`; it never changes its meaning.

What no entry fits for certain is \`unknown\`: then the failing step, its last lines and Azure's words are shown as they are. Mistakes in the inputs, warnings and cleaning up are explained in [TROUBLESHOOTING.md](../TROUBLESHOOTING.md). What is meant by rights and identities is in the README under [What Azure needs](../README.md#what-azure-needs).

<!-- Made from src/failures.ts by npm run docs. -->`

/** In the order in which a build meets them. A failure that shows in several stands under its first. */
const PLACES: Record<Place, string> = {
  inputs: 'Inputs',
  artifact: 'The build artifact',
  'sign-in': 'Signing in',
  submission: 'Submitting the template',
  storage: 'Storage',
  run: 'The run of the template',
  log: 'The customization log',
  workflow: 'The workflow',
}

const failures = FAILURES.filter(({ cause }) => cause !== '')

function document(): string {
  const places = (Object.keys(PLACES) as Place[])
    .map((place) => ({ place, shown: failures.filter(({ shows }) => shows[0] === place) }))
    .filter(({ shown }) => shown.length > 0)
  const contents = places.map(({ place, shown }) => {
    const links = shown.map(({ id, title }) => `  - [${title}](#${anchor(title)}): \`${id}\``)
    return [`- ${PLACES[place]}`, ...links].join('\n')
  })
  const sections = places.map(({ place, shown }) =>
    [`## ${PLACES[place]}`, ...shown.map(section)].join('\n\n'),
  )
  return [HEAD, contents.join('\n'), ...sections].join('\n\n')
}

function section({ id, title, words, cause, remedy, link }: Failure): string {
  return [
    `### ${title}`,
    `Failure code \`${id}\`.`,
    words.map((line) => `- \`${line}\``).join('\n'),
    `**Cause.** ${prose(cause)}`,
    `**What to do.** ${remedyText(remedy)}`,
    `See [${new URL(link).host}](${link}).`,
  ].join('\n\n')
}

/** Lines two spaces from the margin are commands, or parts of a workflow. */
function remedyText(remedy: string): string {
  const blocks = remedy.split(/\n(?=\S)/).map((block) => {
    const [text = '', ...lines] = block.split('\n')
    if (lines.length === 0) return prose(text)
    const language = /^ *(?:az|sudo|apt-cache) /.test(lines[0] ?? '') ? 'sh' : ''
    const code = lines.map((line) => shownFacts(line.slice(2)))
    return [prose(text), '', `\`\`\`${language}`, ...code, '```'].join('\n')
  })
  return blocks.join('\n\n')
}

/** Inputs and their values stand in quotation marks, which become those of code; facts are named as they are. */
function prose(text: string): string {
  return text
    .replaceAll(/(?<!\w)'([\w-]+(?:: [\w-]+)?)'(?!\w)/g, '`$1`')
    .replaceAll(/\{([a-z][a-zA-Z]*)\}/g, '`<$1>`')
    .replaceAll(/(^|[^`\w])<([\w -]+)>/g, '$1`<$2>`')
    .replaceAll(/(?<![`\w])([\w/]*_[\w…/*=]*|C:\\[\w\\.]*|\S*\/\*)(?![`\w])/g, '`$1`')
}

function shownFacts(text: string): string {
  return text.replaceAll(/\{([a-z][a-zA-Z]*)\}/g, '<$1>')
}

const file = path.join(import.meta.dirname, '..', DOCUMENT)
const wanted = await format(document(), { ...(await resolveConfig(file)), parser: 'markdown' })
if (!process.argv.includes('--check')) writeFileSync(file, wanted)
else if (!existsSync(file) || readFileSync(file, 'utf8') !== wanted) {
  console.error(`${DOCUMENT} is not up to date; run: npm run docs`)
  process.exitCode = 1
}
