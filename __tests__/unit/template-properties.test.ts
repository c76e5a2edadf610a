/** What holds for any inputs: generated ones, with texts that break whatever quotes or parses without care. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { spawnSync } from 'node:child_process'
import { artifactCustomizers, removeArtifactCustomizer } from '../../src/artifact-customizers.ts'
import { InputError } from '../../src/errors.ts'
import { printableTemplate } from '../../src/image-template.ts'
import { readInputs } from '../../src/inputs.ts'
import { failingFast } from '../../src/powershell-script.ts'
import { quotePosix } from '../../src/shell.ts'
import type { Customizer } from '../../src/template-schema.ts'
import {
  buildArtifact,
  DEFINITION_ID,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  NASTY_TEXTS,
  resourceId,
  SHARED_VERSION_ID,
  SIGNATURE,
  SUBNET_ID,
  VERSION_ID,
} from '../support/factories.ts'
import { syntaxErrors, values } from '../support/powershell.ts'
import { bodyOf, INPUTS, rawOf, schemaMistakes } from '../support/template-body.ts'

type Inputs = Record<string, string>

/** A text of any characters but those in `without`, often one that is known to be nasty. */
function anyText(without: RegExp): fc.Arbitrary<string> {
  const anything = fc.oneof(
    fc.constantFrom(...NASTY_TEXTS.map(([, text]) => text)),
    fc.string({ unit: 'binary' }),
  )
  return anything.map((text) => text.replaceAll(without, '_'))
}

/** A name that a file system of the runner may hold. */
const folderName = anyText(/[\0/]/g).filter((name) => name !== '' && name !== '.' && name !== '..')
const signedUrl = fc
  .constantFrom("curl '", 'iwr "', '')
  .map((before) => `${before}https://contoso.com/a?sp=r&sig=${SIGNATURE}`)
const scriptLine = fc.oneof({ weight: 5, arbitrary: anyText(/[\n\r]/g) }, { weight: 1, arbitrary: signedUrl })
const scriptLines = fc.array(scriptLine, { maxLength: 5 })
const scriptText = scriptLines.map((lines) => lines.join('\n'))
const tagName = anyText(/[<>%&\\?/=\n\r]/g).map((name) => `n${name.trim()}`.slice(0, 512))
const tags = fc
  .uniqueArray(
    fc.tuple(
      tagName,
      anyText(/[\n\r]/g).map((value) => value.slice(0, 256)),
    ),
    {
      selector: ([name]) => name.toLowerCase(),
      maxLength: 3,
    },
  )
  .map((all) => all.map((one) => one.join('=')).join('\n'))
const region = fc.constantFrom('westus2', 'West US 2', 'EASTUS', 'north-europe')
const name = fc.stringMatching(/^[A-Za-z0-9-_.]{1,64}$/)
const flag = fc.constantFrom('true', 'false', 'True', '')
const sizes = fc.integer({ min: 1, max: 4095 }).map(String)
const vmSize = fc.constantFrom('Standard_D2ds_v5', 'Standard_A1_v2', 'Basic_A0')

const [LINUX_SOURCES, WINDOWS_SOURCES] = [
  [
    'Ubuntu2404',
    'Canonical:ubuntu-24_04-lts:server:24.04.1',
    MANAGED_IMAGE_ID,
    VERSION_ID,
    DEFINITION_ID,
    SHARED_VERSION_ID,
  ],
  ['Win2022Datacenter', resourceId('Microsoft.Compute/images', 'windows-base')],
]
const STEPS = {
  Linux: [
    { type: 'shell', inline: ["echo 'it''s'"] },
    { type: 'File', sourceUri: 'https://contoso.com/a', destination: '/tmp/a' },
  ],
  Windows: [
    { type: 'PowerShell', inline: ['Get-Date'], validExitCodes: [0, 3010] },
    { type: 'WindowsRestart', restartTimeout: '5m' },
  ],
}

/** Inputs that may stand beside whatever else is given. */
const plainInputs: fc.Arbitrary<Inputs> = fc.record(
  {
    location: region,
    'managed-identity': fc.constantFrom('builder', IDENTITY_ID),
    'template-name': name,
    'build-path': fc.oneof(
      fc.constantFrom('', '.'),
      folderName.map((folder) => `./${folder}`).filter((text) => text === text.trim()),
    ),
    'artifact-transfer': fc.constantFrom('auto', 'file', 'FILE'),
    'artifact-access': fc.constantFrom('sas', 'identity'),
    'inline-script': scriptText,
    'image-tags': tags,
    'template-tags': tags,
    'managed-resource-tags': tags,
    'run-output-name': name.map((text) => `own${text}`.slice(0, 64)),
    'vm-size': vmSize,
    'os-disk-size-gb': sizes,
    'data-disk-sizes-gb': fc.array(sizes, { maxLength: 3 }).map((all) => all.join(', ')),
    'build-vm-identities': fc.constantFrom('', 'builder', `builder, ${IDENTITY_ID}`),
    'build-timeout-in-minutes': fc.constantFrom('0', '6', '240', '960'),
    'optimize-vm-boot': flag,
    'on-customizer-error': fc.constantFrom('cleanup', 'Abort'),
    'on-validation-error': fc.constantFrom('cleanup', 'abort'),
    'staging-resource-group': fc.constantFrom(
      '',
      'staging',
      '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/st',
    ),
    distributors: fc.constantFrom(
      '',
      '[{type: vhd, runOutputName: further}]',
      `[{"type": "ManagedImage", "runOutputName": "x", "imageId": "${MANAGED_IMAGE_ID}", "location": "East US"}]`,
    ),
  },
  { requiredKeys: [] },
)

const networks: fc.Arbitrary<Inputs> = fc.constantFrom(
  {},
  { 'subnet-id': SUBNET_ID },
  { 'subnet-id': SUBNET_ID, 'proxy-vm-size': 'Standard_A1_v2' },
  { 'subnet-id': SUBNET_ID, 'container-instance-subnet-id': SUBNET_ID },
)

const targets: fc.Arbitrary<Inputs> = fc.oneof(
  fc.record({
    'gallery-image-id': fc.constant(DEFINITION_ID),
    'replication-regions': fc
      .uniqueArray(fc.constantFrom('westus2', 'East US=2', 'northeurope=1:premium_lrs'))
      .map((all) => all.join('\n')),
    'versioning-scheme': fc.constantFrom('', 'latest', 'Source'),
    'exclude-from-latest': flag,
    'replication-mode': fc.constantFrom('', 'full', 'shallow'),
  }),
  fc.constant({ 'gallery-image-id': VERSION_ID }),
  fc.record({
    'gallery-image-id': fc.constant(''),
    'managed-image-id': fc.constant(MANAGED_IMAGE_ID),
    'managed-image-location': fc.oneof(region, fc.constant('')),
  }),
  fc.constantFrom(
    { 'gallery-image-id': '', 'distribute-type': 'VHD' },
    { 'gallery-image-id': '', 'vhd-uri': 'https://contoso.blob.core.windows.net/vhds/a.vhd' },
  ),
)

const validation: fc.Arbitrary<Inputs> = fc.oneof(
  fc.constant({}),
  fc.record({
    'validation-script': scriptText.map((text) => `true\n${text}`),
    'continue-distribute-on-failure': flag,
    'source-validation-only': flag,
  }),
)

const onLinux: fc.Arbitrary<Inputs> = fc.record({
  'source-image': fc.constantFrom(...LINUX_SOURCES),
  provisioner: fc.constantFrom('', 'auto', 'Shell'),
  customizers: fc.subarray(STEPS.Linux).map((steps) => JSON.stringify(steps)),
})
const onWindows: fc.Arbitrary<Inputs> = fc
  .record({
    'source-image': fc.constantFrom(...WINDOWS_SOURCES),
    provisioner: fc.constantFrom('auto', 'powershell'),
    'run-elevated': fc.constantFrom('true', 'false'),
    'run-as-system': fc.constantFrom('true', 'false'),
    'windows-update': flag,
    'windows-restart': flag,
    customizers: fc.subarray(STEPS.Windows).map((steps) => JSON.stringify(steps)),
  })
  .map((all) => ({ ...all, 'run-as-system': all['run-elevated'] === 'true' ? all['run-as-system'] : '' }))

const validInputs: fc.Arbitrary<Inputs> = fc
  .tuple(plainInputs, networks, targets, validation, fc.oneof(onLinux, onWindows), flag)
  .map(([plain, network, target, checks, system, remove]) => {
    const inputs: Inputs = { ...plain, ...network, ...target, ...checks, ...system }
    const artifact = inputs['build-path'] !== '' && inputs['source-validation-only']?.toLowerCase() !== 'true'
    return { ...inputs, 'remove-artifacts': artifact ? remove : '' }
  })

describe('any valid inputs', () => {
  test('make a template that is whole, valid, and shows no signature', () => {
    const seen = { windows: 0, signed: 0 }
    fc.assert(
      fc.property(validInputs, (inputs) => {
        const body = bodyOf(inputs)
        expect(schemaMistakes?.(body) ?? []).toEqual([])
        expect(JSON.parse(JSON.stringify(body))).toStrictEqual(body)
        expect(body.properties.source).toHaveProperty('type')
        expect(
          body.properties.distribute.every(({ runOutputName }) =>
            /^[A-Za-z0-9-_.]{1,64}$/.test(runOutputName),
          ),
        ).toBe(true)

        const printed = printableTemplate(body)
        expect(printed).not.toContain(SIGNATURE)
        expect(JSON.parse(printed)).toMatchObject({ location: body.location })
        seen.windows += body.properties.customize.some(({ type }) => type === 'PowerShell') ? 1 : 0
        seen.signed += JSON.stringify(body).includes(SIGNATURE) ? 1 : 0
      }),
      { numRuns: 100 },
    )
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(10)
  })

  if (!schemaMistakes) {
    test.skip('are not held against the published schema: AIB_SCHEMAS names no folder that has it', () =>
      undefined)
  }
})

/** Where a value of an input can come from when nobody takes care: another input, a typing mistake, YAML, noise. */
const SNIPPETS = [
  ...[IDENTITY_ID, MANAGED_IMAGE_ID, DEFINITION_ID, VERSION_ID, SHARED_VERSION_ID, SUBNET_ID],
  ...[
    'Ubuntu2404',
    'a:b:c:d',
    'true',
    'abort',
    'vhd',
    'gallery',
    'westus2=3:Standard_LRS',
    '-1',
    '1e3',
    'a=b',
    '=',
  ],
  ...['https://contoso.com', 'http://', '/subscriptions/', '..', ',', '\ud800', '__proto__', '${{ x }}'],
]
const anyValue = fc.oneof(fc.constantFrom(...SNIPPETS), anyText(/\0/g), fc.json({ maxDepth: 3 }))
const YAML_SNIPPETS = [
  ...['- type: Shell', '[{type: VHD}]', '- {type: Shell, inline: [1]}', '- {[a]: b}', '? a', '{', '- <<: x'],
  ...['*a', '- &a [*a]', '[*a, &a b]', '- !!set {a}', '- !!binary aGk=', '%YAML 9', '--- a\n--- b', '- .inf'],
]
const anyYaml = fc.oneof(fc.constantFrom(...YAML_SNIPPETS), anyValue)
const broken = (maxKeys: number): fc.Arbitrary<Inputs> =>
  fc.dictionary(fc.constantFrom(...INPUTS), anyValue, { maxKeys, noNullPrototype: true })
const brokenLists = fc.record({ customizers: anyYaml, distributors: anyYaml }, { requiredKeys: [] })
/** One or several of them, alone or over inputs that are valid otherwise. */
const anyInputs: fc.Arbitrary<Inputs> = fc
  .tuple(fc.oneof(fc.constant({}), validInputs), fc.oneof(broken(1), broken(6), brokenLists))
  .map(([valid, over]) => ({ ...valid, ...over }))

const FILE_SNIPPETS = [
  '{"properties": {}}',
  '{"resources": []}',
  '// nothing',
  '',
  '[]',
  '"[x]"',
  '{"properties": {"customize": [{}]}}',
]
const anyFile = fc.oneof(
  fc.constantFrom(...FILE_SNIPPETS),
  fc.json({ maxDepth: 3 }),
  fc
    .record({
      location: fc.string(),
      tags: fc.object({ maxDepth: 1 }),
      properties: fc.object({
        key: fc.constantFrom('source', 'customize', 'distribute', 'validate', 'vmProfile', 'type', 'inline'),
        maxDepth: 3,
      }),
    })
    .map((file) => JSON.stringify(file)),
  anyText(/\0/g),
)

const anyAuthority = fc.oneof(fc.constantFrom(undefined, 'https://login.contoso.com'), anyValue)

test('any inputs at all give a request, or mistakes in inputs that there are', () => {
  const ends = { requests: 0, mistakes: 0 }
  const NAMES = new Set([...INPUTS, 'environment variable AZURE_AUTHORITY_HOST'])
  fc.assert(
    fc.property(anyInputs, anyFile, anyAuthority, (inputs, file, authority) => {
      const raw = rawOf(inputs, inputs['template-file'] === undefined ? {} : { file })
      try {
        readInputs({
          ...raw,
          env: (variable) => (variable === 'AZURE_AUTHORITY_HOST' ? authority : undefined),
        })
        ends.requests += 1
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        expect(error.problems.map(({ input }) => input).filter((input) => !NAMES.has(input))).toEqual([])
        expect(
          error.problems.every(({ message }) => message.length > 5 && !message.includes('undefined:')),
        ).toBe(true)
        ends.mistakes += 1
      }
    }),
    { numRuns: 200 },
  )
  expect(Math.min(ends.requests, ends.mistakes)).toBeGreaterThan(10)
})

const inlineOf = (steps: Customizer[]): string[] =>
  steps.flatMap((one) => ('inline' in one ? (one.inline ?? []) : []))
const transfers = ['file', 'download'] as const

const withSh = process.platform === 'win32' ? describe.skip : describe
withSh('a POSIX shell', () => {
  /** What `sh` does with a script, which it gets as Packer gives it: as a file's content. */
  function sh(args: string[], script: string): { status: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync('sh', args, { input: script, encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  test('reads any quoted text as it is', () => {
    const words = fc.array(anyText(/\0/g), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(words, (texts) => {
        const { status, stdout, stderr } = sh(['-s'], `printf '%s\\0' ${texts.map(quotePosix).join(' ')}\n`)
        expect({ status, stderr, texts: stdout.split('\0').slice(0, -1) }).toEqual({
          status: 0,
          stderr: '',
          texts,
        })
      }),
      { numRuns: 40 },
    )
  })

  test('finds each command for the artifact whole, whatever its folder is called', () => {
    fc.assert(
      fc.property(folderName, (folder) => {
        const steps = [
          ...transfers.flatMap((transfer) =>
            artifactCustomizers('Linux', buildArtifact({ folder, transfer })),
          ),
          removeArtifactCustomizer('Linux', folder),
        ]
        expect(sh(['-n'], `${inlineOf(steps).join('\n')}\n`)).toEqual({ status: 0, stdout: '', stderr: '' })
        // The folder is named by whole words alone: without them nothing of it is left.
        const rest = inlineOf(steps)
          .join('\n')
          .replaceAll(quotePosix(`/tmp/${folder}`), '')
        const told = quotePosix(`aib-action: unpacking the build artifact into /tmp/${folder}`)
        expect(rest.replaceAll(told, '')).not.toContain('/tmp/' + folder)
      }),
      { numRuns: 40 },
    )
  })
})

describe('PowerShell', () => {
  test('finds the commands for the artifact without mistakes, and its folder in them as it is', () => {
    fc.assert(
      fc.property(folderName, fc.constantFrom(...transfers), (folder, transfer) => {
        const steps = artifactCustomizers('Windows', buildArtifact({ folder, transfer }))
        for (const [commands, times] of [
          [inlineOf(steps), 4],
          [inlineOf([removeArtifactCustomizer('Windows', folder)]), 2],
        ] as const) {
          const text = commands.join('\n')
          expect(syntaxErrors(text)).toEqual([])
          const target = `C:\\buildArtifacts\\${folder}`
          expect(values(text).filter((value) => value === target)).toHaveLength(times)
        }
      }),
      { numRuns: 30 },
    )
  })

  test.each(['inline-script', 'validation-script'])(
    'finds %s without mistakes, and every line in it as it is',
    (input) => {
      fc.assert(
        fc.property(
          scriptLines.filter((lines) => lines.length > 0),
          (lines) => {
            const text = failingFast(lines, input).join('\n')
            expect(syntaxErrors(text)).toEqual([])
            // Behind the values of the two preferences.
            expect(values(text).slice(2, 2 + lines.length)).toEqual(lines)
          },
        ),
        { numRuns: 30 },
      )
    },
  )
})
