/** The scenarios of the demo end as they should, each on a local Azure of its own, all side by side. */
import { expect, test } from '@jest/globals'
import { playScenario } from '../../local-azure/demo.ts'
import { SCENARIOS } from '../../local-azure/scenarios.ts'

test('every scenario ends as it should, and says what Azure holds', async () => {
  const played = await Promise.all(
    Object.entries(SCENARIOS).map(async ([name, scenario]) => {
      const lines: string[] = []
      const asItShould = await playScenario(scenario, (line) => lines.push(line))
      return { name, asItShould, log: lines.join('\n') }
    }),
  )
  expect(played.filter(({ asItShould }) => !asItShould)).toEqual([])
  for (const { name, log } of played) {
    const kept = name === 'failing-script'
    expect({ name, kept: !log.includes('\nimage templates: none\nstaging resource groups: none\n') }).toEqual(
      {
        name,
        kept,
      },
    )
    expect(log).toContain('\nblobs of the build artifact: none')
  }
})
