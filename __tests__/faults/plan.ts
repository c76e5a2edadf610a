/** Which incidents are played: all of them, or those that the options leave. */
import { ends, lastingFaults, pairsOfFaults, singleFaults, titleOf, type Incident } from './incidents.ts'
import type { KnownRequest } from './requests.ts'
import type { BuildName } from './stand.ts'

export interface PlanOptions {
  pairs: number
  seed: number
  /** Of titles. */
  only: RegExp
  /** Every n-th alone. */
  sample: number
}

export interface Item {
  build: BuildName
  incident: Incident
}

/** @param requests what each build was recorded to consist of */
export function plan(requests: Partial<Record<BuildName, KnownRequest[]>>, options: PlanOptions): Item[] {
  const { pairs, seed, only, sample } = options
  const { image = [], log = [] } = requests
  const met = new Set(image.map(({ service, shape }) => `${service} ${shape}`))
  const further = log.filter(({ service, shape }) => !met.has(`${service} ${shape}`))
  const all: Item[] = [
    ...of('image', [
      ...singleFaults(image),
      ...lastingFaults(image),
      ...ends(image),
      ...(image.length > 0 ? pairsOfFaults(image, pairs, seed) : []),
    ]),
    ...of('log', [...singleFaults(further), ...lastingFaults(further)]),
  ]
  return all.filter(({ incident }) => only.test(titleOf(incident))).filter((_, index) => index % sample === 0)
}

function of(build: BuildName, incidents: Incident[]): Item[] {
  return incidents.map((incident) => ({ build, incident }))
}
