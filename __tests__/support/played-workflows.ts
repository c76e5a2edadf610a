/** Plays workflows with the readers of this repository's actions: the values that an example or a caller gives arrive, or are refused. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { readCheckInputs } from '../../src/checking/check-inputs.ts'
import { readGatherInputs } from '../../src/matrix/gather-inputs.ts'
import type { RawInputs } from '../../src/input-reader.ts'
import { readInputs } from '../../src/inputs.ts'
import { planMatrix, planOutputs } from '../../src/matrix/matrix-plan.ts'
import { readPromoteInputs } from '../../src/promotion/promote-inputs.ts'
import { readSweepInputs } from '../../src/sweeping/sweep-inputs.ts'
import { rawInputs, SUBSCRIPTION, VERSION_ID } from './factories.ts'
import { contracts, OWN, type Values, type Workflow } from './workflow-checks.ts'
import { asTexts, play } from './workflow-values.ts'

export const root = path.join(import.meta.dirname, '..', '..')
export const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8')
export const known = contracts(root)

/** The template file that an example speaks of, as it lies in `examples`. */
const FILES = { files: { 'image-template.json': read('examples/image-template.json') } }
const READERS: Record<string, (raw: RawInputs) => unknown> = {
  [OWN]: readInputs,
  [`${OWN}/sweep`]: readSweepInputs,
  [`${OWN}/check`]: readCheckInputs,
  [`${OWN}/gather`]: readGatherInputs,
  [`${OWN}/promote`]: (raw) => readPromoteInputs(raw, NOW),
}
/** Of the day on which the examples are read. */
const NOW = Date.UTC(2026, 10, 22)
export const ID = '00000000-0000-0000-0000-000000000001'
export const CONTEXTS = {
  github: { run_id: '4711', run_number: 7, run_attempt: '1' },
  vars: { AZURE_CLIENT_ID: ID, AZURE_TENANT_ID: ID, AZURE_SUBSCRIPTION_ID: SUBSCRIPTION },
}
const RESULT = { name: 'web-eastus', image: 'web', location: 'eastus', 'image-uri': VERSION_ID }
const SAMPLES: Record<string, string> = {
  'image-uri': VERSION_ID,
  'image-version': '1.2.3',
  regions: '["eastus","westus2"]',
  images: JSON.stringify([RESULT]),
  succeeded: JSON.stringify([RESULT]),
}

export interface PlayedStep {
  action: string
  given: Record<string, string>
}

/** Every step of ours with the inputs that it gets; throws for inputs that its action refuses. */
export function played(workflow: Workflow, contexts: Values = CONTEXTS): PlayedStep[] {
  const steps: PlayedStep[] = []
  play(workflow, contexts, known, (action, given) => {
    steps.push({ action, given })
    const { inputs = {}, outputs = [] } = known.get(action) ?? {}
    const none = asTexts(
      Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.default])),
    )
    // What an example leaves out is left out here, too.
    const raw = rawInputs({ ...none, ...given }, FILES)
    if (action === `${OWN}/plan`) return planOutputs(planMatrix(raw))
    READERS[action]?.(raw)
    return Object.fromEntries(outputs.map((name) => [name, SAMPLES[name] ?? '']))
  })
  return steps
}
