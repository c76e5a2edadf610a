/**
 * The set-up in infra/: its Bicep files, its scripts (run with stand-ins for `az` and `gh`), that both make the same, and
 * that it is what the README asks for. No Azure and no compiler of Bicep takes part.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { documentedRole } from '../../local-azure/roles.ts'
import { API_VERSIONS } from '../../src/azure/reader.ts'
import { ARTIFACT_CONTAINER } from '../../src/names.ts'
import {
  CLIENT_ID,
  isOnlyOnce,
  misuse,
  parseCall,
  StandIns,
  type Call,
  type ScriptRun,
} from '../support/az-commands.ts'
import { asVariables, deploy, parametersOf, SUBSCRIPTION_ID, TENANT_ID } from '../support/bicep-deployment.ts'
import {
  declarations,
  descendants,
  missingFiles,
  parse,
  read,
  resourceTypes,
  strayNames,
  syntaxErrors,
} from '../support/bicep.ts'
import { factsOfCalls, factsOfDeployment } from '../support/infra-facts.ts'

const ROOT = path.join(import.meta.dirname, '..', '..')
const INFRA = path.join(ROOT, 'infra')
const MAIN = path.join(INFRA, 'main.bicep')
const BICEP = globSync('**/*.bicep', { cwd: INFRA }).sort()
const SCRIPTS = globSync('*.sh', { cwd: INFRA }).sort()
const temporary = mkdtempSync(path.join(tmpdir(), 'infra-'))
afterAll(() => {
  rmSync(temporary, { recursive: true })
})

/** The least that must be said, in both ways of saying it. */
const PARAMS = {
  repository: 'octo-org/webapp',
  location: 'eastus',
  storageAccountName: 'stcontosobuild',
  galleryName: 'contoso',
  imageDefinitions: [{ name: 'webapp', osType: 'Linux' }] as Record<string, unknown>[],
}
const OPTIONS = [
  ...['--repository', 'octo-org/webapp', '--location', 'eastus'],
  ...['--storage-account', 'stcontosobuild', '--gallery', 'contoso', '--image', 'webapp'],
]
/** All that can be said. */
const ALL_PARAMS = {
  ...PARAMS,
  subjectPrefix: 'repo:octo-org@65/webapp@74',
  branches: ['main', 'release/1.x'],
  environments: ['production: east'],
  gitTags: ['v1.0'],
  pullRequests: true,
  otherSubjects: [{ name: 'api', subject: 'repo:octo-org/api:ref:refs/heads/main' }],
  resourceGroupName: 'rg.images_(2)',
  roleNameSuffix: ' (second)',
  artifactDays: 3,
  storageAllowedAddresses: ['203.0.113.7', '198.51.100.0/24'],
  networkName: 'vnet-builds',
  privateNetwork: true,
  grantPromotion: true,
  grantLiveLog: true,
  grantLog: true,
  grantChecks: true,
  grantGallerySource: true,
  grantArtifactByIdentity: true,
  imageDefinitions: [
    { name: 'webapp', osType: 'Linux' },
    {
      name: 'arm',
      osType: 'Linux',
      architecture: 'Arm64',
      features: [{ name: 'IsHibernateSupported', value: 'true' }],
    },
    {
      name: 'old',
      osType: 'Windows',
      hyperVGeneration: 'V1',
      publisher: 'contoso',
      offer: 'desktop',
      sku: 'gen1',
    },
    { name: 'sealed', osType: 'Windows', securityType: 'ConfidentialVmSupported' },
  ],
}
const ALL_OPTIONS = [
  ...OPTIONS,
  ...['--subject-prefix', 'repo:octo-org@65/webapp@74', '--branch', 'main', '--branch', 'release/1.x'],
  ...['--environment', 'production: east', '--git-tag', 'v1.0', '--pull-requests'],
  ...['--subject', 'api=repo:octo-org/api:ref:refs/heads/main', '--resource-group', 'rg.images_(2)'],
  ...['--role-suffix', ' (second)', '--artifact-days', '3', '--network', 'vnet-builds'],
  ...['--allow-address', '203.0.113.7', '--allow-address', '198.51.100.0/24'],
  ...['--image', 'arm architecture=Arm64 feature=IsHibernateSupported=true'],
  ...['--image', 'old os=Windows generation=V1 publisher=contoso offer=desktop sku=gen1'],
  ...['--image', 'sealed os=Windows security=ConfidentialVmSupported'],
  ...[
    'promotion',
    'live-log',
    'log',
    'checks',
    'gallery-source',
    'artifact-by-identity',
    'private-network',
  ].flatMap((extra) => ['--with', extra]),
]

/**
 * Versions that these resource types have: those of Azure's published types for Bicep (github.com/Azure/bicep-types-az,
 * folder `generated`), looked up one by one.
 */
const VERSIONS = {
  'Microsoft.Authorization/roleAssignments': '2022-04-01',
  'Microsoft.Authorization/roleDefinitions': '2022-04-01',
  'Microsoft.Compute/galleries': '2023-07-03',
  'Microsoft.Compute/galleries/images': '2023-07-03',
  'Microsoft.ManagedIdentity/userAssignedIdentities': '2023-01-31',
  'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials': '2023-01-31',
  'Microsoft.Network/natGateways': '2024-05-01',
  'Microsoft.Network/networkSecurityGroups': '2024-05-01',
  'Microsoft.Network/publicIPAddresses': '2024-05-01',
  'Microsoft.Network/virtualNetworks': '2024-05-01',
  'Microsoft.Resources/resourceGroups': '2021-04-01',
  'Microsoft.Storage/storageAccounts': '2023-05-01',
  'Microsoft.Storage/storageAccounts/blobServices': '2023-05-01',
  'Microsoft.Storage/storageAccounts/blobServices/containers': '2023-05-01',
  'Microsoft.Storage/storageAccounts/managementPolicies': '2023-05-01',
}

describe('the Bicep files', () => {
  test.each(BICEP)('%s: no mistakes, no name that is unknown or unused, no file that is missing', (name) => {
    const file = path.join(INFRA, name)
    const text = read(file)
    expect(syntaxErrors(text)).toEqual([])
    expect(strayNames(text)).toEqual([])
    expect(missingFiles(text, path.dirname(file))).toEqual([])
  })

  test.each(BICEP)('%s: a bracket that is taken away is seen', (name) => {
    const text = read(path.join(INFRA, name))
    const brackets = descendants(parse(text)).filter(({ type }) => /^[[\](){}]$/.test(type))
    const unseen = brackets
      .filter((_, i) => i % 18 === 0)
      .filter(
        ({ startIndex }) => syntaxErrors(text.slice(0, startIndex) + text.slice(startIndex + 1)).length === 0,
      )
    expect(brackets.length).toBeGreaterThan(5)
    expect(unseen.map(({ startPosition }) => startPosition)).toEqual([])
  })

  test('every resource type has a version that it has, and the same one as where the action reads it', () => {
    const used = new Set(BICEP.flatMap((name) => resourceTypes(read(path.join(INFRA, name)))))
    expect([...used].sort()).toEqual(
      Object.entries(VERSIONS)
        .map(([type, version]) => `${type}@${version}`)
        .sort(),
    )
    expect(VERSIONS).toMatchObject({
      'Microsoft.Compute/galleries': API_VERSIONS.gallery,
      'Microsoft.ManagedIdentity/userAssignedIdentities': API_VERSIONS.identity,
      'Microsoft.Network/virtualNetworks': API_VERSIONS.network,
      'Microsoft.Resources/resourceGroups': API_VERSIONS.resources,
      'Microsoft.Storage/storageAccounts': API_VERSIONS.storage,
    })
  })

  test.each([
    [
      'a parameter that a module does not know',
      'builderName: builder',
      'buildersName: builder',
      /no parameter buildersN/,
    ],
    [
      'a parameter that a module needs',
      '    publisher: split',
      '    // publisher: split',
      /parameter publisher is miss/,
    ],
    [
      'an output that a module has not',
      'outputs.deployerClientId',
      'outputs.deployerKey',
      /no output deployerKey/,
    ],
    [
      'a role file that is not there',
      'roles/deployer-log.json',
      'roles/deployer-logs.json',
      /deployer-logs\.json/,
    ],
    ['a function that there is none of', 'take(', 'taken(', /taken is not defined/],
    ['a name that is not declared', 'plain(tag)', 'plain(gitTag)', /gitTag is not defined/],
  ])('a deployment fails for %s', (_, from, to, message) => {
    const copy = mkdtempSync(path.join(temporary, 'copy-'))
    cpSync(INFRA, path.join(copy, 'infra'), { recursive: true })
    cpSync(path.join(ROOT, 'docs/roles'), path.join(copy, 'docs/roles'), { recursive: true })
    const file = path.join(copy, 'infra/main.bicep')
    const text = read(file)
    expect(text).toContain(from)
    writeFileSync(file, text.replace(from, to))
    expect(() => deploy(file, ALL_PARAMS)).toThrow(message)
  })

  test('the example of parameters deploys', () => {
    const file = path.join(INFRA, 'example.bicepparam')
    expect(syntaxErrors(asVariables(read(file)))).toEqual([])
    expect(missingFiles(read(file), INFRA)).toEqual([])
    expect(deploy(MAIN, parametersOf(file)).resources.length).toBeGreaterThan(20)
  })

  test('its outputs are what a workflow needs', () => {
    const gallery = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/contoso`
    expect(deploy(MAIN, PARAMS).outputs).toEqual({
      clientId: 'client of id-image-deployer',
      tenantId: TENANT_ID,
      subscriptionId: SUBSCRIPTION_ID,
      resourceGroup: 'rg-images',
      location: 'eastus',
      managedIdentity: 'id-image-builder',
      storageAccount: 'stcontosobuild',
      galleryImageIds: [`${gallery}/images/webapp`],
      subnetId: '',
      containerInstanceSubnetId: '',
    })
    expect(deploy(MAIN, ALL_PARAMS).outputs).toMatchObject({
      subnetId: expect.stringMatching(/virtualNetworks\/vnet-builds\/subnets\/build$/),
      containerInstanceSubnetId: expect.stringMatching(/virtualNetworks\/vnet-builds\/subnets\/containers$/),
    })
  })

  test('federated credentials are made one after the other', () => {
    expect(read(path.join(INFRA, 'modules/identities.bicep'))).toMatch(
      /@batchSize\(1\)\nresource credentials /,
    )
  })

  test('names of roles and assignments differ wherever Azure tells them apart, and are the same the next time', () => {
    const ids = deploy(MAIN, ALL_PARAMS).resources.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(deploy(MAIN, ALL_PARAMS).resources.map(({ id }) => id)).toEqual(ids)
    const again = deploy(MAIN, { ...ALL_PARAMS, roleNameSuffix: '' }).resources
    const roles = again.filter(({ type }) => type.endsWith('/roleDefinitions'))
    expect(roles.length).toBeGreaterThan(10)
    expect(roles.filter(({ id }) => ids.includes(id))).toEqual([])
  })
})

const facts = factsOfDeployment(deploy(MAIN, ALL_PARAMS).resources)

describe('what is made', () => {
  test.each([
    ['group', /resourceGroups\/rg$/],
    ['account', /storageAccounts\/st1$/],
    ['container', /storageAccounts\/st1\/blobServices\/default\/containers\/imagebuilder-vststask$/],
    ['gallery', /galleries\/contoso$/],
    ['network', /virtualNetworks\/vnet$/],
  ])('an assignment on the %s is on nothing else, and one for each role', (on, scope) => {
    const names = { storageAccountName: 'st1', galleryName: 'contoso', networkName: 'vnet' }
    const assigned = ['role 1', 'role 2'].flatMap((roleDefinitionId) => {
      const params = { ...names, on, principalId: 'principal', roleDefinitionId }
      const group = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg`
      return deploy(path.join(INFRA, 'modules/group-grant.bicep'), params, group).resources
    })
    expect(assigned.map((one) => one.scope)).toEqual([
      expect.stringMatching(scope),
      expect.stringMatching(scope),
    ])
    expect(new Set(assigned.map(({ id }) => id)).size).toBe(2)
  })

  test('a closed storage account: no keys, nothing public, nothing kept for long', () => {
    expect(facts['account stcontosobuild']).toMatchObject({
      keys: 'false',
      publicBlobs: 'false',
      httpsOnly: 'true',
      tls: 'TLS1_2',
      acrossTenants: 'false',
      others: 'Deny, bypass None',
    })
    expect(facts[`container ${ARTIFACT_CONTAINER}`]).toBe('off')
    expect(facts['soft delete']).toEqual([false, false])
    expect(JSON.stringify(facts['lifecycle'])).toContain(`"prefixMatch":["${ARTIFACT_CONTAINER}/"]`)
    expect(JSON.stringify(facts['lifecycle'])).toContain('"daysAfterModificationGreaterThan":3')
  })

  test('roles with the rights of docs/roles, each under the name of its file', () => {
    const made = Object.entries(facts).filter(([name]) => name.startsWith('role '))
    const files = grantsOf(MAIN).map(({ role }) => documentedRole(role))
    expect(made).toEqual(
      files.map((role) => [
        `role ${role.Name} (second)`,
        {
          actions: role.Actions,
          notActions: role.NotActions,
          dataActions: role.DataActions,
          notDataActions: role.NotDataActions,
          description: role.Description,
          scopes: [`/subscriptions/${SUBSCRIPTION_ID}`],
        },
      ]),
    )
  })

  test('every role that the README calls needed, of whom and on what it says', () => {
    const rows = readmeRoles()
    const grants = grantsOf(MAIN)
    const always = grants.filter(({ wanted }) => wanted === 'true').map(({ role }) => role)
    expect(always).toEqual(rows.filter(({ section }) => section === 'main').map(({ role }) => role))
    const known = rows.filter(({ role }) => grants.some((grant) => grant.role === role))
    expect(known.length).toBeGreaterThanOrEqual(10)
    for (const { role, of, on } of known) {
      const grant = grants.find((one) => one.role === role)
      expect({ role, of: grant?.to === 'builder' ? 'managed identity' : 'deploying identity' }).toEqual({
        role,
        of,
      })
      expect({ role, on }).toEqual({ role, on: expect.stringMatching(SCOPE_WORDS[grant?.on ?? ''] ?? /^$/) })
    }
  })

  test('the assignments of a first build, and no other', () => {
    const group = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images`
    const least = factsOfDeployment(deploy(MAIN, { ...PARAMS, ...ONLY_NEEDED }).resources)
    expect(Object.keys(least).filter((name) => name.includes(' to principal of '))).toEqual([
      `aib-action marketplace source to principal of id-image-deployer on /subscriptions/${SUBSCRIPTION_ID}`,
      `aib-action to principal of id-image-deployer on ${group}`,
      `aib-action artifact to principal of id-image-deployer on ${group}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`,
      `aib-action image writer to principal of id-image-builder on ${group}`,
    ])
  })
})

/** Without what no build needs. */
const ONLY_NEEDED = { grantDoctor: false, grantLiveLog: false, grantChecks: false }

/** How the README names what a role is on. */
const SCOPE_WORDS: Record<string, RegExp> = {
  group: /resource group/,
  account: /^the storage account/,
  container: /^the container/,
  gallery: /^the gallery/,
  network: /^the virtual network/,
  subscription: /^the subscription/,
}

/** Rows of the README's tables of roles. */
function readmeRoles(): { section: string; role: string; of: string; on: string }[] {
  const sections = read(path.join(ROOT, 'README.md')).matchAll(
    /<!-- begin roles (\w+) -->(.*?)<!-- end -->/gs,
  )
  return [...sections].flatMap(([, section = '', table = '']) =>
    [...table.matchAll(/^\| \[`([^`]+)`\][^|]*\| ([^|]+) \| ([^|]+) \|/gm)].map(
      ([, role = '', of = '', on = '']) => ({
        section,
        role,
        of,
        on,
      }),
    ),
  )
}

/** The table of grants in main.bicep, as it is written. */
function grantsOf(file: string): { role: string; to: string; on: string; wanted: string }[] {
  const text = declarations(parse(read(file))).find(({ name }) => name === 'grants')?.node.text ?? ''
  const rows = text.matchAll(
    /role: '([^']+)'\s+definition: \S+\('[^']*\/([^']+)\.json'\)\s+to: '(\w+)'\s+on: '(\w+)'\s+wanted: (.+)/g,
  )
  return [...rows].map(([, role = '', fileName, to = '', on = '', wanted = '']) => {
    expect(fileName).toBe(role)
    return { role, to, on, wanted }
  })
}

// The scripts are for a Unix shell; on Windows the Azure CLI's own deployment of the Bicep files does.
const onUnix = process.platform === 'win32' ? describe.skip : describe
let places = 0

function standIns(tools?: readonly string[]): StandIns {
  places += 1
  return new StandIns(path.join(temporary, `place-${places}`), tools)
}

function namesOf(calls: readonly Call[], command: string, option = '--name'): (string | undefined)[] {
  return calls.filter((call) => call.command === command).map(({ options }) => options[option])
}

/** The first call's run, for every further call. */
function once(run: () => ScriptRun): () => ScriptRun {
  let first: ScriptRun | undefined
  return () => (first ??= run())
}

let placeOfTheUsual: StandIns
const theUsual = once(() => {
  placeOfTheUsual = standIns()
  return placeOfTheUsual.run('setup.sh', OPTIONS)
})
/** `gh` can do nothing, and Azure does not know at once what it has just made. */
const inTrouble = once(() => {
  const place = standIns()
  place.set('gh-fails')
  place.set('refusals', '(RoleDefinitionDoesNotExist) x\n(PrincipalNotFound) x\n')
  return place.run('setup.sh', OPTIONS)
})
const theLeast = once(() => {
  const without = ['doctor', 'live-log', 'checks'].flatMap((one) => ['--without', one])
  return standIns().run('setup.sh', [...OPTIONS, ...without, '--no-variables'])
})
let placeOfEverything: StandIns
const everything = once(() => {
  placeOfEverything = standIns()
  return placeOfEverything.run('setup.sh', ALL_OPTIONS)
})

onUnix('the scripts', () => {
  test.each(SCRIPTS)('%s is a script that bash can read', (name) => {
    expect(spawnSync('bash', ['-n', path.join(INFRA, name)], { encoding: 'utf8' }).stderr).toBe('')
  })

  test.each([
    ['the usual', PARAMS, theUsual],
    ['the least', { ...PARAMS, ...ONLY_NEEDED }, theLeast],
    ['everything', ALL_PARAMS, everything],
  ])('setup.sh makes what main.bicep makes: %s', (_, params, run) => {
    const { code, stderr, calls } = run()
    expect({ code, stderr, misuse: calls.flatMap(misuse) }).toEqual({ code: 0, stderr: '', misuse: [] })
    expect(factsOfCalls(calls)).toEqual(factsOfDeployment(deploy(MAIN, params).resources))
  })

  test('setup.sh registers the providers that the README names, and says what the workflow needs', () => {
    const { stdout, calls } = theUsual()
    const line = /^1\. \*\*Resource providers\*\* (.+)$/m.exec(read(path.join(ROOT, 'README.md')))?.[1] ?? ''
    const named = [...line.matchAll(/Microsoft\.\w+/g)].map(([name]) => name)
    expect(namesOf(calls, 'provider register', '--namespace')).toEqual(named)
    expect(read(path.join(ROOT, 'docs/setup.md'))).toContain(`\n${stdout.trim()}\n`)
    expect(calls.filter(({ command }) => command.startsWith('variable set'))).toEqual([
      variable('AZURE_CLIENT_ID', CLIENT_ID),
      variable('AZURE_TENANT_ID', TENANT_ID),
      variable('AZURE_SUBSCRIPTION_ID', SUBSCRIPTION_ID),
    ])
  })

  test('a second run makes nothing anew, and ends the same', () => {
    const first = everything()
    const second = placeOfEverything.run('setup.sh', ALL_OPTIONS)
    expect(first.calls.filter(isOnlyOnce).length).toBeGreaterThan(15)
    expect(second.calls.filter(isOnlyOnce)).toEqual([])
    expect(namesOf(second.calls, 'role definition update', '--role-definition')).toEqual(
      namesOf(first.calls, 'role definition create', '--role-definition'),
    )
    expect(namesOf(second.calls, 'role assignment create', '--scope')).toEqual(
      namesOf(first.calls, 'role assignment create', '--scope'),
    )
    expect({ code: second.code, stderr: second.stderr }).toEqual({ code: 0, stderr: '' })
    expect(afterRoles(second.stdout)).toBe(afterRoles(first.stdout))
  })

  test('a dry run runs nothing, and prints commands that a shell takes as they are meant', () => {
    const place = standIns()
    const odd = [
      '--with',
      'private-network',
      '--branch',
      'it\'s-$(touch${IFS}pwned)-"x"-`id`-&;*',
      '--environment',
      'a $(touch pwned) \\ "b"',
    ]
    const dry = place.run('setup.sh', [...OPTIONS, ...odd, '--dry-run'])
    expect({ code: dry.code, stderr: dry.stderr, calls: dry.calls }).toEqual({
      code: 0,
      stderr: '',
      calls: [],
    })
    const real = place.run('setup.sh', [...OPTIONS, ...odd])
    const script = path.join(temporary, 'printed.sh')
    writeFileSync(script, dry.stdout)
    const printed = place.run(path.relative(INFRA, script), [])
    const subjects = namesOf(real.calls, 'identity federated-credential create', '--subject')
    expect(subjects).toContain(`repo:octo-org/webapp:ref:refs/heads/${odd[3] ?? ''}`)
    expect(namesOf(printed.calls, 'identity federated-credential create', '--subject')).toEqual(subjects)
    expect(printed.calls.map(({ command }) => command)).toEqual(real.calls.map(({ command }) => command))
    expect(globSync('**/*pwned*', { cwd: temporary })).toEqual([])
  })

  test.each([
    ['GitHub tells what subjects begin with', ['az', 'gh'], 'repo:octo-org@65/webapp@74', 'which are set'],
    ['there is no gh', ['az'], 'repo:octo-org/webapp', 'to be set'],
  ])('%s', (_, tools, prefix, told) => {
    const place = standIns(tools)
    const { code, stdout, calls } = place.run('setup.sh', OPTIONS, {
      AIB_PREFIX: 'repo:octo-org@65/webapp@74',
    })
    expect(code).toBe(0)
    expect(namesOf(calls, 'identity federated-credential create', '--subject')).toEqual([
      `${prefix}:ref:refs/heads/main`,
    ])
    expect(stdout).toContain(`Variables of octo-org/webapp, ${told}:`)
  })

  test('variables that gh cannot set, or must not, are printed', () => {
    const failing = inTrouble()
    expect(namesOf(failing.calls, 'identity federated-credential create', '--subject')).toEqual([
      'repo:octo-org/webapp:ref:refs/heads/main',
    ])
    expect(failing.stdout).toContain('gh could not set them')
    expect(failing.stdout).toContain(`to be set:\n  AZURE_CLIENT_ID=${CLIENT_ID}\n`)
    expect(failing.code).toBe(0)
    expect(theLeast().calls.filter(({ command }) => command.startsWith('variable'))).toEqual([])
  })

  test('a role that Azure does not know yet is assigned again after a while; one that may not be is not', () => {
    const patient = inTrouble()
    expect(patient.code).toBe(0)
    expect(namesOf(patient.calls, 'role assignment create')).toHaveLength(9)
    const other = standIns()
    other.set('refusals', '(AuthorizationFailed) You may not.\n')
    const refused = other.run('setup.sh', OPTIONS)
    expect(refused).toMatchObject({ code: 1, stderr: 'ERROR: (AuthorizationFailed) You may not.\n' })
    expect(namesOf(refused.calls, 'role assignment create')).toHaveLength(1)
  })

  test.each([
    'account show',
    'identity show',
    'sig image-definition list',
    'role definition list',
    'storage account',
  ])('what fails ends it at once: az %s', (command) => {
    const place = standIns()
    place.set('fails', command)
    const { code, stderr, calls, stdout } = place.run('setup.sh', OPTIONS)
    expect(code).not.toBe(0)
    expect(stderr).toContain('AuthorizationFailed')
    expect(calls.at(-1)?.command).toContain(command)
    expect(stdout).not.toContain('is set up')
  })

  test('every mistake in the options is told at once, and nothing is done', () => {
    const { code, stderr, calls } = standIns().run('setup.sh', [
      ...['--repository', 'webapp', '--storage-account', 'St_1', '--image', 'a b os=Mac colour=red'],
      ...['--branch', 'a/b', '--branch', 'a-b', '--with', 'everything', '--without', 'roles', '--frobnicate'],
      ...['--allow-address', 'example.com', '--artifact-days', '0', '--role-suffix', '&', '--subscription'],
    ])
    expect({ code, calls }).toEqual({ code: 2, calls: [] })
    expect(stderr.split('\n').filter((line) => line.startsWith('- '))).toEqual([
      "- --with: there is no 'everything'",
      "- --without: only one of doctor live-log checks can be left out, not 'roles'",
      '- --frobnicate is no option',
      '- --subscription takes a value',
      "- --repository: 'webapp' is not a repository, such as octo-org/webapp",
      "- --location: '' is not a region, such as eastus",
      "- --storage-account: 'St_1' is not made of 3 to 24 lower-case letters and digits",
      "- --artifact-days: '0' is not a number of days",
      "- --image: 'a b os=Mac colour=red' has two names",
      "- --image: there is no 'colour'",
      "- --image os: 'Mac' is not Linux or Windows",
      "- --allow-address: 'example.com' is not an IPv4 address or range",
      '- two subjects would be called branch-a-b: give one of them a name by --subject NAME=SUBJECT',
      "- --role-suffix: '&' is not made of letters, digits, spaces and ( ) . _ -",
    ])
  })

  test('teardown.sh removes what was made, and leaves what others have', () => {
    theUsual()
    const place = placeOfTheUsual
    place.set('others-have-aib-action artifact')
    const asked = place.run('teardown.sh', ['--resource-group', 'rg-images'])
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was deleted.') })
    const { code, stdout, calls } = place.run('teardown.sh', ['--resource-group', 'rg-images', '--yes'])
    expect({ code, misuse: calls.flatMap(misuse) }).toEqual({ code: 0, misuse: [] })
    expect(namesOf(calls, 'role assignment delete', '--ids')).toHaveLength(7)
    expect(namesOf(calls, 'role definition delete')).toEqual([
      'aib-action',
      'aib-action marketplace source',
      'aib-action image writer',
      'aib-action doctor',
      'aib-action live log',
      'aib-action checks',
    ])
    expect(stdout).toContain('Role aib-action artifact stays: others have it.')
    expect(namesOf(calls, 'group delete')).toEqual(['rg-images'])
    const again = place.run('teardown.sh', ['--resource-group', 'rg-images', '--yes'])
    expect(again.calls.filter(({ command }) => command.endsWith('delete'))).toEqual([])
    expect(again.code).toBe(0)
  })
})

describe('docs/setup.md', () => {
  const text = (): string => read(path.join(ROOT, 'docs/setup.md'))

  test('has every parameter of main.bicep and every option of setup.sh', () => {
    const parameters = declarations(parse(read(MAIN))).filter(({ kind }) => kind === 'parameter')
    const usage = read(path.join(INFRA, 'setup.sh')).match(/^ {2}--[a-z-]+/gm) ?? []
    const rows = text()
      .split('\n')
      .filter((line) => line.startsWith('| `'))
    const cells = rows.map((row) => row.split('|').slice(1, 3).join())
    expect(
      parameters
        .map(({ name }) => name)
        .filter((name) => !cells.some((cell) => cell.includes(`\`${name}\``))),
    ).toEqual([])
    expect(usage.map((option) => option.trim()).filter((option) => !text().includes(option))).toEqual([])
  })

  test('names files that exist', () => {
    const links = [...text().matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link)
    const local = links.filter((link) => !link.includes('://'))
    expect(local.filter((link) => !existsSync(path.join(ROOT, 'docs', link)))).toEqual([])
  })
})

function variable(name: string, value: string | undefined): Call {
  return parseCall(['gh', 'variable', 'set', name, '--repo', 'octo-org/webapp', '--body', value ?? ''])
}

/** What a run says when all is made: only that differs between a first run and a second. */
function afterRoles(stdout: string): string {
  return stdout.slice(stdout.indexOf('# Roles'))
}
