/**
 * Renders job summaries in a real browser, as GitHub does, and takes their pictures: fails when Mermaid takes no chart.
 *
 *     node scripts/node24.js scripts/screenshot.ts                  a good and a failed build on the local Azure
 *     node scripts/node24.js scripts/screenshot.ts --keep           the same, into docs/images
 *     node scripts/node24.js scripts/screenshot.ts summary.md …     summaries that are there already
 *
 * Pages and pictures go into `build/screenshot`. The scenarios run `dist`, as `npm run build` made it; `--speed` says how
 * many times as fast as a real build. Needs Chromium (`sudo apt-get install chromium`; `--chromium PATH` for another).
 * Mermaid and Marked are installed from npm on demand, outside the project's own packages.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { jobOf } from '../local-azure/demo.ts'
import { startLocalAzure } from '../local-azure/index.ts'
import { runJob } from '../local-azure/runner.ts'
import { SCENARIOS } from '../local-azure/scenarios.ts'

const ROOT = path.join(import.meta.dirname, '..')
const FOLDER = path.join(ROOT, 'build', 'screenshot')
const KEPT = path.join(ROOT, 'docs', 'images')
/** Name of a picture → the scenario that it shows. */
const PICTURES: Record<string, string> = { 'summary-good': 'gallery', 'summary-failed': 'failing-script' }
/** About as wide as the summary of a run on GitHub; CSS pixels. */
const WIDTH = 1012
const MARKED = '18.2.1'

/** The looks of GitHub, as far as they matter: widths, sizes, tables, code. */
const CSS = `
body { margin: 0; background: #fff; color: #1f2328; font: 16px/1.5 "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif; overflow-wrap: break-word }
main { padding: 24px 32px }
h2, h3 { margin: 24px 0 16px; font-weight: 600; line-height: 1.25 }
h2 { margin-top: 0; padding-bottom: 6px; border-bottom: 1px solid #d1d9e0; font-size: 24px }
h3 { font-size: 20px }
p, pre, table, details, .mermaid { margin: 0 0 16px }
a { color: #0969da }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-spacing: 0; border-collapse: collapse }
td, th { padding: 6px 13px; border: 1px solid #d1d9e0 }
tr:nth-child(2n) { background: #f6f8fa }
code, pre { font: 13.6px/1.45 "Liberation Mono", monospace }
code { padding: 3px 6px; background: #818b981f; border-radius: 6px }
pre { padding: 16px; overflow: auto; background: #f6f8fa; border-radius: 6px }
pre code { padding: 0; background: none }
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    keep: { type: 'boolean', default: false },
    speed: { type: 'string', default: '100' },
    chromium: { type: 'string', default: 'chromium' },
    // GitHub does not say which version it has.
    mermaid: { type: 'string', default: '11.17.2' },
  },
})

mkdirSync(FOLDER, { recursive: true })
const packages = install({ mermaid: values.mermaid, marked: MARKED })
for (const [name, markdown] of await summaries()) {
  const picture = render(name, markdown)
  console.log(picture)
  if (!values.keep) continue
  mkdirSync(KEPT, { recursive: true })
  copyFileSync(picture, path.join(KEPT, path.basename(picture)))
}

/** Name → Markdown. */
async function summaries(): Promise<[name: string, markdown: string][]> {
  if (positionals.length > 0) {
    return positionals.map((file) => [path.basename(file, path.extname(file)), readFileSync(file, 'utf8')])
  }
  const made: [string, string][] = []
  for (const [name, scenario] of Object.entries(PICTURES)) {
    made.push([name, await summaryOf(scenario)])
  }
  return made
}

/** What the bundled action writes as summary in a scenario of the demo. */
async function summaryOf(name: string): Promise<string> {
  const scenario = SCENARIOS[name]
  if (!scenario) throw new Error(`There is no scenario ${name}.`)
  const azure = await startLocalAzure({ ...scenario.azure, speed: Number(values.speed) })
  try {
    const job = await runJob(await jobOf(scenario, azure))
    if (job.conclusion !== scenario.conclusion) throw new Error(`${name} ended with ${job.conclusion}.`)
    return job.main.summary
  } finally {
    await azure.close()
  }
}

/** Installs packages of exact versions into a folder of their own and returns that. */
function install(wanted: Record<string, string>): string {
  const specs = Object.entries(wanted).map(([name, version]) => `${name}@${version}`)
  const folder = path.join(FOLDER, specs.join('-'))
  if (Object.keys(wanted).every((name) => existsSync(path.join(folder, 'node_modules', name)))) return folder
  mkdirSync(folder, { recursive: true })
  const options = ['--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
  const { status, stderr } = spawnSync('npm', ['install', '--prefix', folder, ...options, ...specs], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${specs.join(', ')} could not be installed:\n${stderr}`)
  return folder
}

/**
 * Renders one summary and takes its picture.
 * @returns the picture's file
 * @throws Error with what Mermaid says of a chart
 */
function render(name: string, markdown: string): string {
  const [live, still, picture] = ['live.html', 'html', 'png'].map((end) =>
    path.join(FOLDER, `${name}.${end}`),
  ) as [string, string, string]
  writeFileSync(path.join(FOLDER, `${name}.md`), markdown)
  writeFileSync(live, page(htmlOf(markdown)))
  const drawn = chromium(['--dump-dom', '--virtual-time-budget=20000', `--window-size=${WIDTH},800`], live)
  const [, height, errors = ''] = /<body data-height="(\d+)" data-errors="([^"]*)"/.exec(drawn) ?? []
  if (height === undefined) throw new Error(`${name}: the page did not come to its end, see ${live}`)
  if (errors !== '' || drawn.includes('aria-roledescription="error"')) {
    throw new Error(`${name}: Mermaid does not take the chart: ${errors}`)
  }
  // What is drawn is a picture of its own, without scripts: nothing moves any more when its picture is taken.
  writeFileSync(still, drawn.replaceAll(/<script[^]*?<\/script>/g, ''))
  chromium([`--screenshot=${picture}`, `--window-size=${WIDTH},${height}`, '--hide-scrollbars'], still)
  return picture
}

/** Runs the browser without a window and returns what it prints. */
function chromium(options: string[], file: string): string {
  // Root has no sandbox; the page is our own, and loads nothing from elsewhere.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const { status, stdout, stderr, error } = spawnSync(
    values.chromium,
    ['--headless', '--disable-gpu', ...sandbox, ...options, pathToFileURL(file).href],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 120_000 },
  )
  if (error) throw new Error(`${values.chromium} does not run: ${error.message}`)
  if (status !== 0) throw new Error(`${values.chromium} failed:\n${stderr}`)
  return stdout
}

/** GitHub's flavour of Markdown; charts as Mermaid looks for them. */
function htmlOf(markdown: string): string {
  const { parse } = createRequire(path.join(packages, 'x.js'))('marked') as {
    parse: (markdown: string, options: { gfm: boolean }) => string
  }
  return (
    parse(markdown, { gfm: true })
      .replaceAll(
        /<pre><code class="language-mermaid">([^]*?)<\/code><\/pre>/g,
        (_, chart: string) => `<div class="mermaid">${chart}</div>`,
      )
      // A table without headings has none on GitHub either, but for the line.
      .replaceAll('<thead>', '<thead class="bare">')
  )
}

function page(body: string): string {
  const script = pathToFileURL(path.join(packages, 'node_modules/mermaid/dist/mermaid.min.js')).href
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><style>${CSS}</style></head>
<body data-height="" data-errors=""><main>${body}</main>
<script src="${script}"></script>
<script>
(async () => {
  const errors = []
  mermaid.initialize({ startOnLoad: false })
  for (const chart of document.querySelectorAll('.mermaid')) {
    await mermaid.run({ nodes: [chart] }).catch((error) => errors.push(String(error.message ?? error)))
  }
  document.body.dataset.errors = errors.join('; ')
  document.body.dataset.height = Math.ceil(document.documentElement.getBoundingClientRect().height)
})()
</script></body></html>
`
}
