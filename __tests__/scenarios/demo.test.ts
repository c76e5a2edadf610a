/** The scenarios of the demo end as they should; those of the catalogue of failures are played in failures.test.ts. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { playOn } from '../../local-azure/demo.ts'
import { SCENARIOS } from '../../local-azure/scenarios.ts'
import { playUnchanged } from '../../local-azure/unchanged.ts'
import { quickTime } from '../support/moments.ts'
import { openOneAzure, type OneAzure } from '../support/one-azure.ts'

let one: OneAzure
beforeAll(async () => {
  one = await openOneAzure()
})
afterAll(() => one.azure.close())

/** What costs time and makes no difference between two stories: it is as it is in one that succeeds and one that fails. */
const PLAIN = { 'follow-log': 'false', 'record-artifact-name': '' }
const AS_THEY_ARE = ['gallery', 'failing-script']

test.each(Object.entries(SCENARIOS))(
  '%s ends as it should, and says what Azure holds',
  async (name, scenario) => {
    one.become({ ...scenario.azure, speed: 5000 })
    const lines: string[] = []
    const inputs = AS_THEY_ARE.includes(name) ? scenario.with : { ...PLAIN, ...scenario.with }
    const asItShould = await playOn(
      one.azure,
      { ...scenario, with: inputs },
      (line) => lines.push(line),
      quickTime(),
    )
    const log = lines.join('\n')
    expect({ asItShould, log }).toMatchObject({ asItShould: true })
    const kept = !log.includes('\nimage templates: none\nstaging resource groups: none\n')
    expect(kept).toBe(name === 'failing-script')
    expect(log).toContain('\nblobs of the build artifact: none')
  },
)

test('the same image again and again is built once, and once more for one byte', async () => {
  const lines: string[] = []
  const wrong = await playUnchanged((line) => lines.push(line), quickTime())
  expect({ wrong, log: lines.join('\n') }).toMatchObject({ wrong: [] })
  expect(
    lines.filter((line) => line.includes('writing requests')).map((line) => /skipped: \w+; 0 w/.test(line)),
  ).toEqual([false, true, true, false])
})
