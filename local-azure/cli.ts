/**
 * `start` runs a local Azure until interrupted; `demo [--scenario NAME]` plays a scenario with the bundled action,
 * `demo --skip-unchanged` the same image again and again; `outer-loop` plays the way from a commit to blessed images.
 */
import { parseArgs } from 'node:util'
import { playScenario } from './demo.ts'
import { FAILURE_SCENARIOS } from './failures.ts'
import { startLocalAzure } from './index.ts'
import { playOuterLoop } from './outer-loop.ts'
import { SCENARIOS } from './scenarios.ts'
import { CLIENT_ID, SUBSCRIPTION_ID, TENANT_ID } from './seed.ts'
import { playUnchanged } from './unchanged.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: 'string', default: 'gallery' },
    speed: { type: 'string', default: '300' },
    'skip-unchanged': { type: 'boolean', default: false },
  },
})

if (positionals[0] === 'demo') await (values['skip-unchanged'] ? unchanged() : demo(values.scenario))
else if (positionals[0] === 'start') await start(Number(values.speed))
else if (positionals[0] === 'outer-loop') await outerLoop()
else fail('usage: cli.ts start [--speed N] | demo [--scenario NAME | --skip-unchanged] | outer-loop')

async function demo(name: string): Promise<void> {
  const scenario = SCENARIOS[name] ?? FAILURE_SCENARIOS[name]
  if (!scenario) {
    const [stories, failures] = [SCENARIOS, FAILURE_SCENARIOS].map((all) => Object.keys(all).join(', '))
    fail(`no scenario '${name}'; there are: ${stories ?? ''}\nand of failures: ${failures ?? ''}`)
    return
  }
  const asItShould = await playScenario(scenario, console.log)
  if (!asItShould) fail(`\nthe scenario did not end as it should (${scenario.conclusion})`)
}

async function unchanged(): Promise<void> {
  const wrong = await playUnchanged(console.log)
  if (wrong.length > 0) fail(`\nnot as it should be: ${wrong.join('; ')}`)
}

async function outerLoop(): Promise<void> {
  const { wrong } = await playOuterLoop({ print: console.log })
  if (wrong.length > 0) fail('\nthe outer loop did not end as it should')
}

async function start(speed: number): Promise<void> {
  const azure = await startLocalAzure({ speed })
  console.log(`A local Azure runs, ${String(speed)} times as fast as the real one. Stop it with Ctrl-C.

  resource-manager-endpoint  ${azure.endpoints.resourceManager}
  AZURE_AUTHORITY_HOST       ${azure.endpoints.authority}
  NODE_EXTRA_CA_CERTS        ${azure.caFile}
  blob endpoint              ${azure.blobs.endpoint('stcontosobuild')}
  ID tokens of GitHub        ${azure.github.idTokenRequestUrl}
  subscription, tenant       ${SUBSCRIPTION_ID}, ${TENANT_ID}
  client                     ${CLIENT_ID}`)
  await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  await azure.close()
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}
