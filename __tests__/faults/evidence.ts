/** What a build came to, as Azure and the user see it: the facts that a verdict goes by. */
import type { LocalAzure } from '../../local-azure/index.ts'
import type { Conclusion, JobResult } from '../../local-azure/runner.ts'
import type { Resource } from '../../local-azure/world.ts'
import { annotations, IMAGE_TEMPLATES, leftBehind } from '../support/run-action.ts'
import type { Incident } from './incidents.ts'

export interface Evidence {
  kind: Incident['kind']
  /** Whether it came to the incident at all: each fault has struck, the moment has come. */
  struck: boolean
  conclusion: Conclusion
  main: { exitCode: number | null; signal: string | null }
  postExitCode: number | null
  /** Messages of annotations, main's and post's. */
  errors: string[]
  warnings: string[]
  log: string
  /** What post, the last one, said. */
  postLog: string
  leaks: string[]
  /** Made in this build: templates, runs that the service took, image versions that are there now. */
  templates: number
  runs: number
  images: number
  left: Awaited<ReturnType<typeof leftBehind>>
  /** Names of templates whose run went on when the job was over, and nobody had asked for its end. */
  goingOn: string[]
  /** Stages that were ended because they took too long. */
  hung: string[]
  durationMs: number
  /** From the cancel to the call that asks for the end of the run, where one was under way. */
  cancelCallMs?: number
}

interface TemplateProperties {
  provisioningState: string
  lastRunStatus?: { runState: string; startTime: string }
}
const IMAGES = 'Microsoft.Compute/galleries/images/versions'
/** For what is under way in Azure when a job is over; each step of it takes a twentieth of a second. */
const SETTLING_MS = 3000

function templatesIn({
  world,
}: LocalAzure): { name: string; resource: Resource; state: TemplateProperties }[] {
  return world.resources.list(IMAGE_TEMPLATES).map((resource) => {
    return { name: resource.name, resource, state: resource.properties as unknown as TemplateProperties }
  })
}

export function isRunUnderWay(azure: LocalAzure): boolean {
  return templatesIn(azure).some(({ state }) => state.lastRunStatus?.runState === 'Running')
}

/** Counts templates and runs while a build goes on: whatever the client was told of them, here they are. */
export class Counter {
  private readonly azure: LocalAzure
  private readonly templates = new Set<Resource>()
  private readonly runs = new Set<string>()
  private readonly imagesBefore: number
  private readonly release: () => void

  constructor(azure: LocalAzure) {
    this.azure = azure
    this.imagesBefore = azure.world.resources.list(IMAGES).length
    this.release = azure.world.watch(() => {
      this.look()
    })
  }

  private look(): void {
    for (const { name, resource, state } of templatesIn(this.azure)) {
      this.templates.add(resource)
      if (state.lastRunStatus) this.runs.add(`${name} ${state.lastRunStatus.startTime}`)
    }
  }

  /** Once Azure has come to rest. */
  async result(): Promise<Pick<Evidence, 'templates' | 'runs' | 'images' | 'left' | 'goingOn'>> {
    this.look()
    this.release()
    const goingOn = templatesIn(this.azure).filter(({ state }) => state.lastRunStatus?.runState === 'Running')
    await comeToRest(this.azure)
    return {
      templates: this.templates.size,
      runs: this.runs.size,
      images: this.azure.world.resources.list(IMAGES).length - this.imagesBefore,
      left: await leftBehind(this.azure),
      goingOn: goingOn.map(({ name }) => name),
    }
  }
}

/** Lets what is under way in Azure end, and what was held as well. */
export async function comeToRest(azure: LocalAzure): Promise<void> {
  const isBusy = ({ state }: { state: TemplateProperties }): boolean =>
    /^(?:Creating|Updating|Deleting)$/.test(state.provisioningState) ||
    /^(?:Running|Canceling)$/.test(state.lastRunStatus?.runState ?? '')
  const deadline = performance.now() + SETTLING_MS
  while (templatesIn(azure).some(isBusy) && performance.now() < deadline) {
    azure.world.hasten()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What the job itself tells. */
export function toldBy(
  job: JobResult,
): Pick<
  Evidence,
  'conclusion' | 'main' | 'postExitCode' | 'errors' | 'warnings' | 'log' | 'postLog' | 'leaks'
> {
  const { exitCode, signal } = job.main
  return {
    conclusion: job.conclusion,
    main: { exitCode, signal },
    postExitCode: job.post?.exitCode ?? null,
    errors: annotations(job, 'error'),
    warnings: annotations(job, 'warning'),
    log: job.log,
    postLog: job.post?.lines.join('\n') ?? '',
    leaks: job.leaks,
  }
}
