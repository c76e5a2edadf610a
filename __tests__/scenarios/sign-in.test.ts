/**
 * Signing in: by OIDC or by what the runner is signed in to, refused or interrupted, through the bundled action. Every
 * refusal of Entra ID by its code: failures.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { CLIENT_ID, defaultSeed, SUBSCRIPTION_ID, TENANT_ID } from '../../local-azure/seed.ts'
import type { Exchange } from '../../local-azure/world.ts'
import { signedInCli, signedOutCli, startMetadataService } from '../support/ambient-credentials.ts'
import { failureOf, requestsOf } from '../support/failures.ts'
import { AT_ANY_PACE, clockAhead, HELD, pace, quickTime, UNRUN } from '../support/moments.ts'
import { annotations, leftBehind, NOTHING, onStage, openStage, type Stage } from '../support/run-action.ts'
import { addApplication } from '../support/seeds.ts'

const ISSUER = 'https://token.actions.githubusercontent.com'
const AUDIENCE = 'api://AzureADTokenExchange'
const MAIN = 'repo:octo-org/webapp:ref:refs/heads/main'
const IMMUTABLE = 'repo:octo-org@8214307/webapp@674210385:ref:refs/heads/main'
const UNKNOWN = '00000000-1111-2222-3333-444444444444'

const seed = defaultSeed()
const client = {
  immutable: addApplication(seed, { credentials: [{ subject: IMMUTABLE }] }),
  ofEnvironment: addApplication(seed, {
    credentials: [{ subject: 'repo:octo-org/webapp:environment:production' }],
  }),
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN })
})
afterAll(() => stage.close())

function asked(requests: Exchange[], service: Exchange['service'], method = ''): Exchange[] {
  return requests.filter((request) => request.service === service && request.method.startsWith(method))
}

describe('Entra ID refuses', () => {
  const subject = (text: string): string => `issuer ${ISSUER}, subject ${text}, audience ${AUDIENCE}`

  test.each([
    {
      story: 'a pull request',
      code: 'AADSTS700213',
      options: { job: { eventName: 'pull_request', ref: 'refs/pull/7/merge' } },
      presented: subject('repo:octo-org/webapp:pull_request'),
    },
    {
      story: 'a repository that presents IDs',
      code: 'AADSTS700213',
      options: { job: { immutableSubject: true } },
      presented: subject(IMMUTABLE),
    },
    {
      story: 'an unknown application, though the variable names a known one',
      code: 'AADSTS700016',
      inputs: { 'client-id': UNKNOWN },
      options: { env: { AZURE_CLIENT_ID: CLIENT_ID } },
      presented: subject(MAIN),
    },
  ])('$story: $code', async ({ code, inputs, options, presented }) => {
    const { result, requests } = await requestsOf(stage.azure, () =>
      stage.run(inputs, { ...options, skipPost: true }),
    )
    const message = failureOf(result)
    expect(message).toContain(`Entra ID refused the sign-in: ${code}: `)
    expect(message).toContain(`Presented: ${presented}`)
    expect(asked(requests, 'resource-manager')).toEqual([])
    expect(asked(requests, 'blob')).toEqual([])
  })
})

describe('GitHub gives no ID token', () => {
  test('without the permission: the message is the block to add', async () => {
    const { result, requests } = await requestsOf(stage.azure, () =>
      stage.run({}, { permissions: { idToken: false }, skipPost: true }),
    )
    expect(failureOf(result)).toContain(`
  permissions:
    id-token: write
    contents: read
`)
    expect(requests).toEqual([])
  })

  test.each([
    {
      respond: { status: 403, body: { message: 'Resource not accessible' } },
      words: /403[^]*Resource not accessible/,
    },
    { respond: { status: 500, body: { message: 'Oops' } }, words: /500[^]*Oops/ },
    { respond: { status: 200, body: {} }, words: /ID Token field/ },
  ])('its endpoint answers $respond.status', async ({ respond, words }) => {
    // The audience tells this test's requests from the others'.
    const audience = `api://answers-${respond.status}`
    const match = `audience=${encodeURIComponent(audience)}$`
    stage.azure.world.addFault({ service: 'github', match, times: Infinity, respond })
    // What passes is waited for, five minutes long.
    const env = quickTime(60)
    const { result, requests } = await requestsOf(stage.azure, () =>
      stage.run({ audience }, { env, skipPost: true }),
    )
    const message = failureOf(result)
    expect(message).toContain('GitHub')
    expect(message).toMatch(words)
    expect(asked(requests, 'entra', 'POST')).toEqual([])
  })
})

describe('not signed in at all', () => {
  test('an Azure CLI without a login, and no identity of the machine: the failure says what to do', async () => {
    const metadata = await startMetadataService(stage.azure, 'no identity')
    try {
      const { folder } = await signedOutCli(stage.azure)
      const job = await stage.run(
        { 'client-id': '' },
        { env: { PATH: folder, AZURE_POD_IDENTITY_AUTHORITY_HOST: metadata.url }, skipPost: true },
      )
      const message = failureOf(job)
      expect(message).toContain('No client-id was given and the runner is not signed in to Azure.')
      expect(message).toContain('(failure-code: not-signed-in)')
    } finally {
      await metadata.close()
    }
  })
})

describe('accepted', () => {
  const variables = {
    AZURE_CLIENT_ID: client.ofEnvironment,
    AZURE_TENANT_ID: TENANT_ID,
    AZURE_SUBSCRIPTION_ID: SUBSCRIPTION_ID,
  }
  test.each([
    {
      story: 'a subject with IDs, on a runner whose clock is five minutes slow',
      inputs: { 'client-id': client.immutable },
      options: { job: { immutableSubject: true }, env: clockAhead(-5) },
    },
    {
      story: 'the subject of an environment, variables in place of the inputs, a clock five minutes fast',
      inputs: { 'client-id': '', 'tenant-id': '', 'subscription-id': '' },
      options: { job: { environment: 'production' }, env: { ...variables, ...clockAhead(5) } },
    },
  ])('$story', async ({ inputs, options }) => {
    const job = await stage.run({ ...inputs, 'follow-log': 'true', 'keep-log': 'true' }, options)
    expect(annotations(job, 'error')).toEqual([])
    expect(annotations(job, 'warning')).toEqual([])
    expect(job.conclusion).toBe('success')
    expect(job.leaks).toEqual([])
    expect(await leftBehind(stage.azure)).toEqual(NOTHING)
  })

  test('without client-id: the Azure CLI of an earlier login step, or the identity of the machine', async () => {
    const cli = await signedInCli(stage.azure)
    const metadata = await startMetadataService(stage.azure, 'identity')
    const permissions = { idToken: false }
    const { result: jobs, requests } = await requestsOf(stage.azure, () =>
      Promise.all([
        stage.run(
          { 'client-id': '' },
          { env: { PATH: `${cli.folder}:${process.env['PATH'] ?? ''}` }, permissions },
        ),
        stage.run(
          { 'client-id': '', 'tenant-id': '' },
          { env: { PATH: '/nowhere', AZURE_POD_IDENTITY_AUTHORITY_HOST: metadata.url }, permissions },
        ),
      ]),
    ).finally(metadata.close)
    expect(jobs.map(({ conclusion }) => conclusion)).toEqual(['success', 'success'])
    expect(jobs.flatMap(({ leaks }) => leaks)).toEqual([])
    expect([...asked(requests, 'entra'), ...asked(requests, 'github')]).toEqual([])
    const commands = ['https://management.azure.com', 'https://storage.azure.com'].map(
      (resource) => `account get-access-token --output json --resource ${resource} --tenant ${TENANT_ID}`,
    )
    expect(new Set(await cli.calls())).toEqual(new Set(commands))
  })

  afterAll(async () => {
    expect(await leftBehind(stage.azure)).toEqual(NOTHING)
  })
})

const RAN_OUT = {
  status: 401,
  body: { error: { code: 'ExpiredAuthenticationToken', message: 'The access token expiry is in the past.' } },
}

interface Played {
  job: JobResult
  requests: Exchange[]
  left: Awaited<ReturnType<typeof leftBehind>>
}

describe('in the course of a build', () => {
  const accessTokenLifetimeSeconds = 10
  let eventful: Played
  let revoked: Played
  beforeAll(async () => {
    const options = { ...AT_ANY_PACE, accessTokenLifetimeSeconds, idTokenLifetimeSeconds: 5 }
    await onStage(options, async (own) => {
      const { world } = own.azure
      const play = async (inputs: Record<string, string>, more: Partial<JobOptions>): Promise<Played> => {
        const { result: job, requests } = await requestsOf(own.azure, () => own.run(inputs, more))
        return { job, requests, left: await leftBehind(own.azure) }
      }
      for (const status of [500, 503])
        world.addFault({ service: 'entra', match: '^POST', respond: { status } })
      world.addFault({ service: 'resource-manager', match: '^PUT .*/imageTemplates/', respond: RAN_OUT })
      // A run of 21 seconds, twice as long as an access token lives. The step's timeout is for an action that
      // waits for a token in vain, which it does for long.
      pace(own.azure, { building: 21_000 })
      eventful = await play(
        { 'poll-interval-seconds': '2' },
        {
          debug: true,
          interrupt: { timeoutMinutes: 0.75 },
          onLine: (line) => {
            if (!line.includes('task output variables')) return
            world.addFault({ service: 'github', match: 'idtoken', times: Infinity, respond: { status: 403 } })
          },
        },
      )
      world.liftFaults()
      world.options.accessTokenLifetimeSeconds = 3
      pace(own.azure, { building: HELD })
      revoked = await play(
        {},
        {
          onLine: (line) => {
            if (!line.includes('Building (')) return
            for (const { federatedCredentials } of world.seed.applications) federatedCredentials.length = 0
          },
        },
      )
    })
  })

  test('that outlives its tokens, Entra ID gets a fresh ID token each time', () => {
    expect(eventful.job.conclusion).toBe('success')
    const answered = (service: Exchange['service'], method = ''): Exchange[] =>
      asked(eventful.requests, service, method).filter(({ status }) => status === 200)
    const asks = answered('entra', 'POST')
    const spread = (asks.at(-1)?.at ?? 0) - (asks[0]?.at ?? 0)
    expect(spread).toBeGreaterThan(accessTokenLifetimeSeconds * 1000)
    expect(answered('github').length).toBeGreaterThanOrEqual(asks.length)
  })

  test('with step debug logging, no token shows', () => {
    expect(eventful.job.log).toContain('##[debug]')
    expect(eventful.job.leaks).toEqual([])
  })

  test('Entra ID may fail now and then', () => {
    const statuses = asked(eventful.requests, 'entra', 'POST').map(({ status }) => status)
    expect(statuses.slice(0, 3)).toEqual([500, 503, 200])
  })

  test('a token may run out on its way: the request is made once more', () => {
    const puts = eventful.requests.filter(
      ({ target, method }) => method === 'PUT' && target.includes('/imageTemplates/'),
    )
    expect(puts.map(({ status }) => status)).toEqual([401, 201])
  })

  test('post that may no longer sign in leaves it green, and says what is left to do', () => {
    const { job, left } = eventful
    expect(job.conclusion).toBe('success')
    const [template = '', blob = '', ...others] = annotations(job, 'warning')
    expect(template).toContain(
      `az image builder delete --name ${left.templates[0] ?? ''} --resource-group 'rg-images'`,
    )
    expect(blob).toContain('az storage blob delete --auth-mode login --account-name stcontosobuild')
    expect(others).toEqual([])
    expect(left.blobs).toHaveLength(1)
  })

  test('a credential that is revoked in the middle ends it at once, and post says what may be left', () => {
    const { job, left } = revoked
    const message = failureOf(job)
    expect(message).toContain('Entra ID refused the sign-in: AADSTS70025: ')
    expect(message).toContain('failure-code: sign-in-')
    const [template = '', blob = '', ...others] = annotations(job, 'warning')
    const [name = ''] = left.templates.filter((one) => !eventful.left.templates.includes(one))
    expect(name).not.toBe('')
    for (const command of ['cancel', 'delete'])
      expect(template).toContain(`az image builder ${command} --name ${name} --resource-group 'rg-images'`)
    expect(blob).toContain('az storage blob delete --auth-mode login --account-name stcontosobuild')
    expect(others).toEqual([])
  })
})
