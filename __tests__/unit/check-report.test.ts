/** What a check tells: tables, remedies, outputs and the job summary. */
import { describe, expect, test } from '@jest/globals'
import { principalOf, roleRemedy } from '../../src/checking/check-remedies.ts'
import {
  checkOutputs,
  emptyCheckReport,
  isReady,
  lacking,
  lineOf,
  remedies,
  tables,
  type CheckReport,
  type Finding,
} from '../../src/checking/check-report.ts'
import { registrationFindings, resourceFindings } from '../../src/checking/check-resources.ts'
import { checkSummary } from '../../src/checking/check-summary.ts'
import { InputError } from '../../src/errors.ts'
import { explain } from '../../src/explanation.ts'
import { PROVIDERS } from '../../src/preflight.ts'
import { emptyReport } from '../../src/report.ts'
import {
  DEFINITION_ID,
  IDENTITY_ID,
  newBuild,
  OWN_IDENTITY_ID,
  SUBNET_ID,
  SUBSCRIPTION,
} from '../support/factories.ts'

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/builds`
const WRITE = 'Microsoft.Compute/galleries/images/versions/write'

function right(change: Partial<Finding> = {}): Finding {
  return {
    kind: 'right',
    state: 'missing',
    name: WRITE,
    scope: DEFINITION_ID,
    need: { who: 'managed identity', role: 'image-writer', scope: GROUP, isData: false },
    required: true,
    detail: '',
    remedy: ['# a comment', 'az role assignment create'],
    ...change,
  }
}

function registration(change: Partial<Finding> = {}): Finding {
  const finding = { kind: 'registration', state: 'ok', name: 'Microsoft.Compute', scope: GROUP } as const
  return { ...finding, required: true, detail: '', remedy: [], ...change }
}

const reported = (...findings: Finding[]): CheckReport => ({ subject: 'builds', findings })

describe('outputs', () => {
  test('nothing is ok where nothing is known', () => {
    expect(checkOutputs(emptyCheckReport())).toMatchObject({ ok: 'false', missing: '[]', unknown: '[]' })
  })

  test.each<[name: string, findings: Finding[], ok: string]>([
    ['all there', [registration(), right({ state: 'ok' })], 'true'],
    ['one missing', [registration(), right()], 'false'],
    ['one unknown', [registration(), right({ state: 'unknown' })], 'false'],
    ['what no build needs is missing', [registration(), right({ required: false })], 'true'],
    [
      'what no build needs is unknown',
      [registration(), right({ required: false, state: 'unknown' })],
      'true',
    ],
  ])('%s', (_, findings, ok) => {
    expect(checkOutputs(reported(...findings))['ok']).toBe(ok)
    expect(isReady(findings)).toBe(ok === 'true')
  })

  test('entries say whose right it is, and hold commands without comments', () => {
    const {
      missing = '',
      unknown = '',
      json = '',
    } = checkOutputs(reported(right(), registration({ state: 'unknown', detail: 'hidden' })))
    expect(JSON.parse(missing)).toEqual([
      {
        kind: 'right',
        name: WRITE,
        scope: DEFINITION_ID,
        who: 'managed identity',
        role: 'image-writer',
        required: true,
        remedy: 'az role assignment create',
      },
    ])
    expect(JSON.parse(unknown)).toEqual([
      expect.objectContaining({ kind: 'registration', who: '', role: '', remedy: 'hidden' }),
    ])
    expect(JSON.parse(json)).toEqual({ ok: 'false', missing, unknown })
  })
})

describe('tables', () => {
  test('rights that are there take a row a role, each that is missing its own', () => {
    const there = { state: 'ok' } as const
    const other = right({
      name: 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write',
      need: { who: 'deploying identity', role: 'deployer-artifact', scope: GROUP, isData: true },
      scope: `${GROUP}/providers/Microsoft.Storage/storageAccounts/artifacts`,
    })
    const unread = { state: 'unknown', detail: 'hidden', required: false } as const
    const report = reported(right(there), right({ ...there, name: 'x/read' }), right(), other, right(unread))
    expect(tables(report)).toEqual([
      {
        title: 'rights of the deploying identity',
        rows: [
          {
            state: 'missing',
            text: 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write (data action) on storageAccounts/artifacts (role aib-action artifact)',
          },
        ],
      },
      {
        title: 'rights of the managed identity',
        rows: [
          { state: 'ok', text: 'aib-action image writer on resource group builds, 2 rights' },
          { state: 'missing', text: `${WRITE} on images/web (role aib-action image writer)` },
          {
            state: 'unknown',
            text: 'aib-action image writer on resource group builds, 1 right: hidden; good to have, no build needs it',
          },
        ],
      },
    ])
  })

  test('the line of an annotation says whose it is', () => {
    expect(lineOf(right())).toBe(
      `right of the managed identity: ${WRITE} on images/web (role aib-action image writer)`,
    )
    expect(lineOf(registration({ detail: 'NotRegistered' }))).toBe(
      'registration: Microsoft.Compute: NotRegistered',
    )
    expect(lacking([right(), right({ required: false }), right({ state: 'unknown' })])).toHaveLength(1)
  })
})

describe('remedies', () => {
  test('each once, what no build needs last', () => {
    const better = right({ required: false, remedy: ['az role assignment create', 'az good to have'] })
    expect(
      remedies(
        reported(better, right(), right({ name: 'x/read' }), right({ state: 'ok', remedy: ['az no'] })),
      ),
    ).toEqual([
      '# a comment',
      'az role assignment create',
      '# Good to have: no build needs what follows.',
      'az good to have',
    ])
    expect(remedies(reported(right({ required: false, remedy: [] })))).toEqual([])
  })

  test('a role is defined for the subscription of its scope, and given by object ID', () => {
    const [comment, definition = '', assignment] = roleRemedy(
      { role: 'image-writer', scope: GROUP },
      { objectId: principalOf(IDENTITY_ID), isService: true },
    )
    expect(comment).toMatch(/^# /)
    const json = /--role-definition '(.*)'$/.exec(definition)?.[1] ?? ''
    expect(JSON.parse(json)).toMatchObject({
      Name: 'aib-action image writer',
      AssignableScopes: [`/subscriptions/${SUBSCRIPTION}`],
    })
    expect(assignment).toBe(
      `az role assignment create --assignee-object-id "$(az identity show --ids '${IDENTITY_ID}' --query principalId --output tsv)" --assignee-principal-type ServicePrincipal --role 'aib-action image writer' --scope '${GROUP}'`,
    )
  })

  test('a built-in role is not defined, and a user is no service principal', () => {
    expect(roleRemedy({ role: 'Contributor', scope: GROUP }, { objectId: 'me', isService: false })).toEqual([
      `az role assignment create --assignee-object-id me --role 'Contributor' --scope '${GROUP}'`,
    ])
  })
})

describe('registrations', () => {
  const provider = (namespace: string, registrationState = 'Registered') => ({
    namespace,
    registrationState,
    locations: {},
  })
  const states = (given: Record<string, string>, providers: ReturnType<typeof provider>[]): string[] =>
    registrationFindings(newBuild(given), providers, () => ['az doctor']).map(({ state, detail, remedy }) =>
      [state, detail, ...remedy].filter(Boolean).join('|'),
    )

  test('of each provider that a build needs', () => {
    const [first, second, third] = PROVIDERS
    expect(
      states({}, [provider(first), provider(second, 'Registering'), provider(third.toLowerCase())]),
    ).toEqual([
      'ok',
      `missing|Registering|az provider register --namespace ${second} --subscription ${SUBSCRIPTION} --wait`,
      'ok',
      ...PROVIDERS.slice(3).map(() => 'unknown|the signed-in identity may not read it|az doctor'),
    ])
  })

  test('that the build makes are no failure', () => {
    const all = PROVIDERS.map((name) => provider(name, 'NotRegistered'))
    expect(new Set(states({ 'register-providers': 'true' }, all))).toEqual(
      new Set(['ok|NotRegistered; the build registers it']),
    )
  })
})

describe('resources', () => {
  const told = (
    given: Record<string, string>,
    problems: { input: string; message: string }[],
    refused: string[] = [],
  ): Record<string, string> =>
    Object.fromEntries(
      resourceFindings(newBuild(given), { problems, refused }, () => ['az doctor']).map(
        ({ name, state, remedy }) => [name, [state, ...remedy.map((line) => line.split(" '")[0])].join('|')],
      ),
    )

  test('of every input that names one', () => {
    const given = {
      'subnet-id': SUBNET_ID,
      'build-vm-identities': IDENTITY_ID,
      'staging-resource-group': 'rg-staging',
      'template-name': 'mine',
    }
    expect(told(given, [])).toEqual({
      'resource group builds': 'ok',
      'Image Builder in westus2': 'ok',
      'managed identity builder': 'ok',
      'storage account artifacts': 'ok',
      'source image Canonical:ubuntu-24_04-lts:server:latest': 'ok',
      'image definition web': 'ok',
      'subnet build': 'ok',
      'staging resource group rg-staging': 'ok',
      'a free name for the template, mine': 'ok',
    })
  })

  test('what is not there is made by a command, what does not fit is told alone', () => {
    const problems = [
      { input: 'resource-group', message: "'builds' does not exist in subscription x." },
      { input: 'storage-account', message: "'artifacts' was not found, or may not be read." },
      { input: 'gallery-image-id', message: 'is for Windows; the source is Linux.' },
      { input: 'replication-regions', message: "'nowhere' is no region of this cloud." },
    ]
    expect(told({}, problems)).toMatchObject({
      'resource group builds': 'missing|az group create --name',
      'storage account artifacts': 'missing|az storage account create --name',
      'image definition web': 'missing',
      'replication-regions': 'missing',
    })
  })

  test('what may not be read is unknown, and nothing that lies beside it', () => {
    expect(told({ 'subnet-id': SUBNET_ID }, [], [OWN_IDENTITY_ID, SUBNET_ID])).toMatchObject({
      'resource group builds': 'ok',
      'managed identity builder': 'unknown|az doctor',
      // The doctor's role does not hold it; the right that does is among the others.
      'subnet build': 'unknown',
    })
  })

  test('of two identities, the message says which is not there', () => {
    const other = `${IDENTITY_ID}2`
    const problems = [
      { input: 'build-vm-identities', message: `'builder2' does not exist; looked for ${other}.` },
    ]
    expect(told({ 'build-vm-identities': `${IDENTITY_ID}, ${other}` }, problems)).toMatchObject({
      'managed identity builder': 'ok',
      'managed identity builder2': 'missing|az identity create --name',
    })
  })
})

describe('the summary', () => {
  test('of what is there', () => {
    const summary = checkSummary(reported(registration()))
    expect(summary).toContain('✅ All that this build needs is there.')
    expect(summary).toContain('### Registrations\n\n| | |\n| --- | --- |\n| ✅ ok | Microsoft.Compute |')
    expect(summary).not.toContain('What to do')
  })

  test('of what may not be seen', () => {
    expect(checkSummary(reported(right({ state: 'unknown' })))).toContain('❔ Nothing is known to be missing')
  })

  test('of mistakes in the inputs', () => {
    const error = new InputError([{ input: 'location', message: 'is required and was not given.' }])
    expect(checkSummary(emptyCheckReport(), explain(error, emptyReport()))).toContain(
      '❌ 1 input needs a change; nothing was created. - location: is required and was not given.',
    )
  })

  test('holds no markup of others', () => {
    const foreign = '<img src=x> | @everyone [a](https://b) `c`\n::error::no'
    const summary = checkSummary(
      reported(registration({ state: 'missing', name: foreign, detail: foreign, remedy: [foreign] })),
    )
    expect(summary).not.toMatch(/<img|@everyone|\]\(|`c`/)
    expect(summary.match(/<(?!\/?pre>)/g)).toBeNull()
  })
})
