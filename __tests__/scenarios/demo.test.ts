/** The scenarios of the demo end as they should; those of the catalogue of failures are played in failures.test.ts. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { playOn } from '../../local-azure/demo.ts'
import { SCENARIOS } from '../../local-azure/scenarios.ts'
import { quickTime } from '../support/moments.ts'
import { openOneAzure, type OneAzure } from '../support/one-azure.ts'

let one: OneAzure
beforeAll(async () => {
  one = await openOneAzure()
})
afterAll(() => one.azure.close())

test.each(Object.entries(SCENARIOS))(
  '%s ends as it should, and says what Azure holds',
  async (name, scenario) => {
    one.become({ ...scenario.azure, speed: 1000 })
    const lines: string[] = []
    const asItShould = await playOn(one.azure, scenario, (line) => lines.push(line), quickTime())
    const log = lines.join('\n')
    expect({ asItShould, log }).toMatchObject({ asItShould: true })
    const kept = !log.includes('\nimage templates: none\nstaging resource groups: none\n')
    expect(kept).toBe(name === 'failing-script')
    expect(log).toContain('\nblobs of the build artifact: none')
  },
)
