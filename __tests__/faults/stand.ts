/** A local Azure and a workspace on which one build after the other is played, each with what happens to it. */
import type { World } from '../../local-azure/world.ts'
import { AT_ANY_PACE, release, UNRUN } from '../support/moments.ts'
import { openStage, type Stage as Theatre } from '../support/run-action.ts'
import { comeToRest, type Evidence } from './evidence.ts'
import type { Incident } from './incidents.ts'
import { Play } from './play.ts'
import type { Sighting } from './requests.ts'
import type { Expected } from './verdict.ts'

export type BuildName = 'image' | 'log'

/** The builds that are played, and what makes them that. */
const BUILDS: Record<BuildName, { inputs: Record<string, string>; build: object }> = {
  image: { inputs: {}, build: UNRUN },
  log: {
    inputs: { 'follow-log': 'true', 'inline-script': 'exit 3' },
    // The inline script is a template's third customizer.
    build: { ...UNRUN, failCustomizer: { index: 2, exitCode: 3, output: ['no luck'] } },
  },
}

/** What each comes to when nothing happens. */
export const EXPECTED: Record<BuildName, Expected> = {
  image: {},
  log: { headline: /^Customizer 3 of 3: .* failed with exit code 3/ },
}

/** Azure's storage accounts for staging groups are made ahead, one a template: 96. */
const TEMPLATES_OF_ONE_AZURE = 80

export class Stand {
  private readonly build: BuildName
  private readonly actionFolder: string | undefined
  private theatre: Theatre
  private fresh: Fresh
  private templates = 0

  private constructor(build: BuildName, actionFolder: string | undefined, theatre: Theatre) {
    this.build = build
    this.actionFolder = actionFolder
    this.theatre = theatre
    this.fresh = keepFresh(theatre.azure.world)
  }

  /** @param actionFolder holds `action.yml` and `dist`; default: this repository */
  static async open(build: BuildName, actionFolder?: string): Promise<Stand> {
    return new Stand(build, actionFolder, await raise(build))
  }

  async close(): Promise<void> {
    await this.theatre.close()
  }

  /** Plays the build undisturbed. */
  async record(): Promise<{ sightings: Sighting[]; evidence: Evidence }> {
    const sightings: Sighting[] = []
    const evidence = await this.play(undefined, (sighting) => sightings.push(sighting))
    return { sightings, evidence }
  }

  /** Plays the build with an incident. */
  async play(incident?: Incident, onSighting?: (sighting: Sighting) => void): Promise<Evidence> {
    const play = new Play(this.theatre, incident, onSighting)
    try {
      const evidence = await play.run(BUILDS[this.build].inputs, this.actionFolder)
      this.templates += evidence.templates
      return evidence
    } finally {
      play.end()
      await this.renew()
    }
  }

  /** Everything is as it was before the first build. */
  private async renew(): Promise<void> {
    const { azure } = this.theatre
    azure.world.liftFaults()
    release(azure)
    if (this.templates > TEMPLATES_OF_ONE_AZURE) {
      await this.theatre.close()
      this.theatre = await raise(this.build)
      this.fresh = keepFresh(this.theatre.azure.world)
      this.templates = 0
      return
    }
    await comeToRest(azure)
    this.fresh.restore()
    await azure.blobs.clear('stcontosobuild')
  }
}

async function raise(build: BuildName): Promise<Theatre> {
  return await openStage({ ...AT_ANY_PACE, build: BUILDS[build].build })
}

interface Fresh {
  restore: () => void
}

function keepFresh({ resources, roleAssignments, secrets, exchanges }: World): Fresh {
  const kept = structuredClone(resources.all())
  const roles = [...roleAssignments]
  const known = [...secrets]
  return {
    restore: () => {
      for (const { id } of resources.all()) resources.delete(id)
      for (const resource of structuredClone(kept)) resources.put(resource)
      roleAssignments.splice(0, Infinity, ...roles)
      secrets.clear()
      for (const secret of known) secrets.add(secret)
      exchanges.length = 0
    },
  }
}
