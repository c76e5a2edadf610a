/** Packer's container group in the local Azure: when it is there, what its log answers, who may read it. */
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { putBuildContainer, type BuildContainer, type LogLine } from '../../local-azure/container-instance.ts'
import { LIVE_LOG_ACTIONS, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { REAL_DURATIONS } from '../../local-azure/world.ts'
import { DEPLOYER, GROUP, openArm, SUBSCRIPTION, type Arm } from './arm-client.ts'
import { startImageBuilder, templateBody, TEMPLATES, type ImageBuilder } from './image-builder-client.ts'

const TYPE = 'Microsoft.ContainerInstance/containerGroups'
const API = 'api-version=2023-05-01'
const [READ = '', READ_LOGS = ''] = LIVE_LOG_ACTIONS

describe('the log of a container', () => {
  let arm: Arm
  let printed: LogLine[]
  let container: BuildContainer
  let group: string
  beforeEach(async () => {
    arm = await openArm()
    grant(arm, LIVE_LOG_ACTIONS)
    printed = []
    container = putBuildContainer(arm.world, { stagingGroup: GROUP, location: 'eastus', log: () => printed })
    group = arm.world.resources.list(TYPE)[0]?.id ?? ''
  })
  afterEach(async () => {
    await arm.close()
  })
  const logs = (query = API, name = 'packer') => arm.get(`${group}/containers/${name}/logs?${query}`)

  test('is not available before the container has started', async () => {
    expect(await logs()).toMatchObject({
      status: 404,
      body: {
        error: {
          code: 'ContainerLogNotAvailable',
          message: expect.stringMatching(
            /^Log of container 'packer' in container group '.+' is not available yet/,
          ),
        },
      },
    })
  })

  test('has what has been printed so far, and is empty before that', async () => {
    container.start()
    expect(await logs()).toMatchObject({ status: 200, body: { content: '' } })
    printed.push({ at: 0, text: 'one' }, { at: 1, text: 'two' })
    expect((await logs()).body).toEqual({ content: 'one\ntwo\n' })
    printed.push({ at: 2, text: 'three' })
    expect((await logs()).body).toEqual({ content: 'one\ntwo\nthree\n' })
  })

  test.each([
    ['tail=2', 'two\nthree\n'],
    ['tail=9', 'one\ntwo\nthree\n'],
    ['tail=1&timestamps=true', '2026-11-21T10:00:02.000Z three\n'],
    ['timestamps=false', 'one\ntwo\nthree\n'],
  ])('with %s', async (query, content) => {
    container.start()
    const at = Date.parse('2026-11-21T10:00:00Z')
    printed.push(...['one', 'two', 'three'].map((text, i) => ({ at: at + i * 1000, text })))
    expect((await logs(`${API}&${query}`)).body).toEqual({ content })
  })

  test('that is started anew begins anew, and the group counts it', async () => {
    container.start()
    printed.push({ at: 0, text: 'before' })
    container.start()
    expect((await logs()).body).toEqual({ content: '' })
    printed.push({ at: 1, text: 'after' })
    expect((await logs()).body).toEqual({ content: 'after\n' })
    expect((await arm.get(`${group}?${API}`)).body).toMatchObject({
      properties: { containers: [{ properties: { instanceView: { restartCount: 1 } } }] },
    })
  })

  test('keeps its last 4 MB', async () => {
    container.start()
    for (let i = 0; i < 50_000; i += 1) printed.push({ at: 0, text: `${i} ${'ä'.repeat(50)}` })
    const { content } = (await logs()).body as { content: string }
    expect(Buffer.byteLength(content)).toBeLessThanOrEqual(4 * 1024 * 1024 + 4)
    expect(Buffer.byteLength(content)).toBeGreaterThan(4 * 1024 * 1024 - 4)
    expect(content).toMatch(/\n49999 ä+\n$/)
  })

  test('of another container, and of a group that went: 404', async () => {
    container.start()
    expect(await logs(API, 'other')).toMatchObject({
      status: 404,
      body: { error: { code: 'ContainerNotFound' } },
    })
    container.remove()
    expect(await logs()).toMatchObject({ status: 404, body: { error: { code: 'ResourceNotFound' } } })
    expect((await arm.get(`${GROUP}/providers/${TYPE}?${API}`)).body).toEqual({ value: [] })
  })

  test('the group shows its state and the container’s name, alone, in its group and in the subscription', async () => {
    container.start()
    const shape = {
      id: group,
      name: expect.stringMatching(/^vmimagebuilder-build-container-[a-z0-9]{10}$/),
      type: TYPE,
      location: 'eastus',
      properties: {
        provisioningState: 'Succeeded',
        containers: [{ name: 'packer' }],
        instanceView: { state: 'Running' },
      },
    }
    expect((await arm.get(`${group}?${API}`)).body).toMatchObject(shape)
    for (const scope of [GROUP, SUBSCRIPTION])
      expect((await arm.get(`${scope}/providers/${TYPE}?${API}`)).body).toMatchObject({ value: [shape] })
  })

  test.each([
    ['the list', '', READ],
    ['the group', '/x', READ],
    ['the log', '/x/containers/packer/logs', READ_LOGS],
  ])('%s needs its right', async (_, path, action) => {
    grant(
      arm,
      LIVE_LOG_ACTIONS.filter((one) => one !== action),
    )
    expect(await arm.get(`${GROUP}/providers/${TYPE}${path}?${API}`)).toMatchObject({
      status: 403,
      body: { error: { code: 'AuthorizationFailed', message: expect.stringContaining(`'${action}'`) } },
    })
  })
})

/** Gives the deployer these rights for containers, and no other ones. */
function grant({ world }: { world: Arm['world'] }, actions: string[]): void {
  const others = world.roleAssignments.filter(
    (one) => !one.actions.some((action) => LIVE_LOG_ACTIONS.includes(action)),
  )
  const own = { principalId: DEPLOYER.objectId, scope: `/subscriptions/${SUBSCRIPTION_ID}`, actions }
  world.roleAssignments.splice(0, Infinity, ...others, ...(actions.length > 0 ? [own] : []))
}

describe('while a template runs', () => {
  let builder: ImageBuilder
  beforeAll(async () => {
    builder = await startImageBuilder(5000)
    grant(builder.azure, LIVE_LOG_ACTIONS)
  })
  afterEach(() => {
    Object.assign(builder.azure.world.options, { build: {}, durations: REAL_DURATIONS })
  })
  afterAll(async () => {
    await builder.azure.close()
  })

  const containers = (group: string) => builder.azure.world.resources.list(TYPE, `${group}/`)

  async function liveLog(group: string): Promise<{ status: number; content: string } | undefined> {
    const [found] = containers(group)
    if (!found) return undefined
    const url = `${builder.azure.endpoints.resourceManager}${found.id}/containers/packer/logs?${API}`
    const { status, body } = await builder.send('GET', url)
    return { status, content: (body as { content?: string }).content ?? '' }
  }

  test.each([
    ['well', ['true']],
    ['badly', ['echo before the end', 'exit 3']],
  ])('%s, the container comes, grows its log, and goes with the run', async (end, inline) => {
    const name = `container-${end}`
    await builder.create(name, templateBody({ customize: [{ type: 'Shell', inline }] }))
    const group = (await builder.get(name)).properties.exactStagingResourceGroup
    expect(containers(group)).toEqual([])
    const answer = await builder.send('POST', `${TEMPLATES}/${name}/run`)
    const seen: { status: number; content: string }[] = []
    const run = { ended: false }
    void builder.ended(answer).then(() => (run.ended = true))
    while (!run.ended) {
      const now = await liveLog(group)
      if (now) seen.push(now)
      await turn()
    }
    expect(containers(group)).toEqual([])
    const texts = seen.filter(({ status }) => status === 200).map(({ content }) => content)
    for (const [i, text] of texts.entries()) expect(text.startsWith(texts[i - 1] ?? '')).toBe(true)
    const log = await builder.log(name)
    expect(log.startsWith(texts.at(-1) ?? 'nothing')).toBe(true)
    expect(texts.at(-1)).toContain('Deploying deployment template ...')
  })

  test('that is cancelled, the container goes as well', async () => {
    await builder.create('container-cancelled', templateBody())
    const group = (await builder.get('container-cancelled')).properties.exactStagingResourceGroup
    builder.azure.world.options.durations = { ...REAL_DURATIONS, customizing: 1e9 }
    await builder.send('POST', `${TEMPLATES}/container-cancelled/run`)
    await builder.until(
      'container-cancelled',
      ({ lastRunStatus }) => lastRunStatus?.runSubState === 'Customizing',
    )
    expect(containers(group)).toHaveLength(1)
    await builder.send('POST', `${TEMPLATES}/container-cancelled/cancel`)
    await builder.until('container-cancelled', ({ lastRunStatus }) => lastRunStatus?.runState === 'Canceled')
    expect(containers(group)).toEqual([])
  })
})
