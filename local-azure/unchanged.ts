/** The demo, again and again on one local Azure, with `skip-unchanged`: what is built once is not built again. */
import { appendFile, cp, mkdtemp, rm, utimes } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { commonInputs } from './demo.ts'
import { startLocalAzure, type LocalAzure } from './index.ts'
import { runJob, type JobResult } from './runner.ts'
import { SCENARIOS } from './scenarios.ts'

const ROOT = path.join(import.meta.dirname, '..')

/** What happens before a run, and whether anything is built then. */
const ACTS: { title: string; change?: (webapp: string) => Promise<void>; builds: boolean }[] = [
  { title: 'the first run builds the image', builds: true },
  { title: 'the second run finds it', builds: false },
  {
    title: 'a file is touched: times do not count',
    change: (webapp) => utimes(path.join(webapp, 'site', 'index.html'), new Date(), new Date()),
    builds: false,
  },
  {
    title: 'one byte more in one file',
    change: (webapp) => appendFile(path.join(webapp, 'site', 'index.html'), '\n'),
    builds: true,
  },
]

/** Plays them. Returns what is not as it should be; empty when all is. */
export async function playUnchanged(
  print: (line: string) => void,
  env: Record<string, string> = {},
): Promise<string[]> {
  const scenario = SCENARIOS['gallery']
  const workspace = await mkdtemp(path.join(os.tmpdir(), 'workspace-'))
  const azure = await startLocalAzure(scenario?.azure)
  try {
    const webapp = path.join(workspace, 'webapp')
    await cp(path.join(ROOT, 'examples', 'webapp'), webapp, { recursive: true, verbatimSymlinks: true })
    const wrong: string[] = []
    for (const [index, { title, change, builds }] of ACTS.entries()) {
      await change?.(webapp)
      print(`── ${title}`)
      const inputs = { ...commonInputs(azure), ...scenario?.with, 'skip-unchanged': 'true' }
      // Each is another run of the workflow, as after another push.
      const job = { runId: String(18_220_100 + index) }
      const { took, writes, result } = await counted(azure, () =>
        runJob({
          azure,
          workspace,
          with: inputs,
          env,
          job,
          onLine: (line) => {
            print(line)
          },
        }),
      )
      const { skipped, 'image-uri': image } = result.outputs
      print(`── ${result.conclusion}; skipped: ${skipped ?? ''}; ${writes} writing requests; ${took} s`)
      print(`   ${image ?? ''}\n`)
      const asItShould = skipped === String(!builds) && (builds ? writes > 0 : writes === 0)
      if (result.conclusion !== 'success' || !asItShould) wrong.push(title)
    }
    return wrong
  } finally {
    await azure.close()
    await rm(workspace, { recursive: true, force: true })
  }
}

/** Main and post of a job: how long they took, in seconds, and how much they changed in Azure. */
async function counted(
  { world }: LocalAzure,
  act: () => Promise<JobResult>,
): Promise<{ result: JobResult; writes: number; took: string }> {
  const [before, startedAt] = [world.writes().length, performance.now()]
  const result = await act()
  const took = ((performance.now() - startedAt) / 1000).toFixed(2)
  const writes = world.writes().slice(before)
  const inAzure = writes.filter(({ service }) => service === 'resource-manager' || service === 'blob')
  return { result, writes: inAzure.length, took }
}
