/** What users write in ARM form: each kind of mistake is told with its place, what was given and what is allowed. */
import { describe, expect, test } from '@jest/globals'
import { readArmForm } from '../../src/arm-form.ts'
import { DEFINITION_ID, MANAGED_IMAGE_ID } from '../support/factories.ts'

type Form = 'customizers' | 'distributors' | 'imageTemplate'
type Mistakes = [shows: string, value: unknown, mistakes: string[]][]
type Values = [shows: string, value: unknown, read: unknown][]

const SCRIPT_FIELDS = 'type, name, inline, scriptUri, sha256Checksum'
const CUSTOMIZER_TYPES = 'Shell, PowerShell, File, WindowsRestart, WindowsUpdate'
const RULE_OF_NAMES = "1 to 64 letters, digits, '-', '_' or '.'"
const DIGEST = '0123456789abcdef'.repeat(4)
const shell = { type: 'Shell', inline: ['id'] }
const powerShell = { type: 'PowerShell', inline: ['Get-Date'] }
const vhd = { type: 'VHD', runOutputName: 'a' }
const gallery = { type: 'SharedImage', runOutputName: 'a', galleryImageId: DEFINITION_ID }

function table(form: Form, mistakes: Mistakes, values: Values): void {
  test.each(mistakes)('%s', (_, value, expected) => {
    expect(readArmForm(form, value)).toEqual({ mistakes: expected })
  })

  test.each(values)('%s', (_, value, expected) => {
    expect(readArmForm(form, value)).toEqual({ value: expected, mistakes: [] })
  })
}

describe('customizers', () => {
  table(
    'customizers',
    [
      ['not a list: an object', { type: 'Shell' }, ['an object is not a list.']],
      ['not a list: a text', 'Shell', ["'Shell' is not a list."]],
      ['not a list: nothing', null, ['null is not a list.']],
      ['a member that is no object', [shell, 3], ['[1]: 3 is not an object with fields.']],
      ['a member that is nothing', [null], ['[0]: null is not an object with fields.']],
      ['no type', [{}], ['[0].type: is missing.']],
      ['an unknown type', [{ type: 'Ansible' }], [`[0].type: 'Ansible' is not one of ${CUSTOMIZER_TYPES}.`]],
      [
        'a type that is nearly one',
        [{ type: 'Shel', inline: ['id'] }],
        [`[0].type: 'Shel' is not one of ${CUSTOMIZER_TYPES}. Did you mean 'Shell'?`],
      ],
      ['a type that is no text', [{ type: 5 }], [`[0].type: 5 is not one of ${CUSTOMIZER_TYPES}.`]],
      [
        'an unknown field',
        [{ ...shell, retries: 3 }],
        [`[0].retries: unknown field; known: ${SCRIPT_FIELDS}.`],
      ],
      [
        'a field that is nearly one, and the one that is missing for it',
        [{ type: 'File', sourceUrl: 'https://contoso.com/a', destination: '/tmp/a' }],
        [
          '[0].sourceUri: is missing.',
          "[0].sourceUrl: unknown field; known: type, name, sourceUri, destination, sha256Checksum. Did you mean 'sourceUri'?",
        ],
      ],
      [
        'a field of another type',
        [{ ...shell, runElevated: true }],
        [`[0].runElevated: unknown field; known: ${SCRIPT_FIELDS}.`],
      ],
      ['a text instead of a list', [{ type: 'Shell', inline: 'id' }], ["[0].inline: 'id' is not a list."]],
      [
        'a number within a list of texts',
        [{ type: 'Shell', inline: ['id', 2] }],
        ['[0].inline[1]: 2 is not a text.'],
      ],
      ['an object instead of a text', [{ ...shell, name: {} }], ['[0].name: an object is not a text.']],
      [
        'a text instead of true',
        [{ ...powerShell, runElevated: 'yes' }],
        ["[0].runElevated: 'yes' is not true or false."],
      ],
      [
        'numbers that are none, or not whole',
        [{ ...powerShell, validExitCodes: [0, 1.5, 'x'] }],
        [
          '[0].validExitCodes[1]: 1.5 is not a whole number from -2147483648 to 4294967296.',
          "[0].validExitCodes[2]: 'x' is not a whole number from -2147483648 to 4294967296.",
        ],
      ],
      [
        'a number out of its range',
        [{ type: 'WindowsUpdate', updateLimit: -1 }],
        ['[0].updateLimit: -1 is not a whole number from 0 to 2147483647.'],
      ],
      [
        'a URL of another kind',
        [{ type: 'Shell', scriptUri: 'ftp://a/b' }],
        ["[0].scriptUri: 'ftp://a/b' is not an http:// or https:// URL."],
      ],
      [
        'a digest in capitals',
        [{ type: 'Shell', scriptUri: 'https://contoso.com/a', sha256Checksum: DIGEST.toUpperCase() }],
        [
          `[0].sha256Checksum: '${DIGEST.toUpperCase()}' is not a SHA-256 of 64 lower-case hexadecimal digits.`,
        ],
      ],
      [
        'a time with a blank',
        [{ type: 'WindowsRestart', restartTimeout: '5 min' }],
        ["[0].restartTimeout: '5 min' is not a time such as 5m or 2h."],
      ],
      ['a script of nothing', [{ type: 'Shell' }], ['[0]: needs either inline or scriptUri.']],
      [
        'a script of no lines',
        [{ type: 'PowerShell', inline: [] }],
        ['[0]: needs either inline or scriptUri.'],
      ],
      [
        'a script of both',
        [{ ...shell, scriptUri: 'https://contoso.com/a' }],
        ['[0]: needs either inline or scriptUri.'],
      ],
      [
        'a digest of lines',
        [{ ...shell, sha256Checksum: DIGEST }],
        ['[0]: has a sha256Checksum, which belongs to scriptUri.'],
      ],
      [
        'Local System without privileges',
        [{ ...powerShell, runAsSystem: true }],
        ['[0]: has runAsSystem, which needs runElevated: true.'],
      ],
      [
        'several mistakes in several members',
        [{ type: 'Shell' }, shell, { type: 'File' }],
        [
          '[0]: needs either inline or scriptUri.',
          '[2].sourceUri: is missing.',
          '[2].destination: is missing.',
        ],
      ],
    ],
    [
      ['an empty list', [], []],
      [
        'types in any letter case',
        [{ type: 'shell', inline: ['id'] }, { type: 'WINDOWSRESTART' }],
        [shell, { type: 'WindowsRestart' }],
      ],
      [
        'every field of every type',
        [
          { type: 'Shell', name: 'a', scriptUri: 'https://contoso.com/a', sha256Checksum: DIGEST },
          { ...powerShell, runElevated: true, runAsSystem: true, validExitCodes: [0, -1, 3010] },
          { type: 'File', sourceUri: 'http://contoso.com/a', destination: '/tmp/a', sha256Checksum: DIGEST },
          { type: 'WindowsRestart', restartCommand: 'a', restartCheckCommand: 'b', restartTimeout: '1h30m' },
          { type: 'WindowsUpdate', searchCriteria: 'a', filters: ['b'], updateLimit: 20 },
        ],
        [
          { type: 'Shell', name: 'a', scriptUri: 'https://contoso.com/a', sha256Checksum: DIGEST },
          { ...powerShell, runElevated: true, runAsSystem: true, validExitCodes: [0, -1, 3010] },
          { type: 'File', sourceUri: 'http://contoso.com/a', destination: '/tmp/a', sha256Checksum: DIGEST },
          { type: 'WindowsRestart', restartCommand: 'a', restartCheckCommand: 'b', restartTimeout: '1h30m' },
          { type: 'WindowsUpdate', searchCriteria: 'a', filters: ['b'], updateLimit: 20 },
        ],
      ],
    ],
  )
})

describe('distributors', () => {
  table(
    'distributors',
    [
      [
        'an input of ours instead of a type of Azure',
        [{ type: 'gallery' }],
        ["[0].type: 'gallery' is not one of ManagedImage, SharedImage, VHD."],
      ],
      ['no name of the run output', [{ type: 'VHD' }], ['[0].runOutputName: is missing.']],
      [
        'a name that Azure does not take',
        [{ ...vhd, runOutputName: 'a b' }],
        [`[0].runOutputName: 'a b' is not ${RULE_OF_NAMES}.`],
      ],
      [
        'a field of another kind of target',
        [{ ...vhd, imageId: 'a' }],
        ['[0].imageId: unknown field; known: type, runOutputName, artifactTags, uri.'],
      ],
      [
        'what a managed image needs',
        [{ type: 'ManagedImage', runOutputName: 'a' }],
        ['[0].imageId: is missing.', '[0].location: is missing.'],
      ],
      [
        'mistakes deep within',
        [
          {
            ...gallery,
            targetRegions: [{ name: 'westus2' }, { replicaCount: 101, storageAccountType: 'Standard_GZRS' }],
          },
        ],
        [
          '[0].targetRegions[1].name: is missing.',
          '[0].targetRegions[1].replicaCount: 101 is not a whole number from 1 to 100.',
          "[0].targetRegions[1].storageAccountType: 'Standard_GZRS' is not one of Standard_LRS, Standard_ZRS, Premium_LRS. Did you mean 'Standard_ZRS'?",
        ],
      ],
      [
        'a word that is none',
        [{ ...gallery, replicationMode: 'deep' }],
        ["[0].replicationMode: 'deep' is not one of Full, Shallow."],
      ],
      [
        'a union within: no such member',
        [{ ...gallery, versioning: { scheme: 'newest' } }],
        ["[0].versioning.scheme: 'newest' is not one of Latest, Source."],
      ],
      [
        'a union within: a field of the other member',
        [{ ...gallery, versioning: { scheme: 'source', major: 1 } }],
        ['[0].versioning.major: unknown field; known: scheme.'],
      ],
      [
        'tags that Azure does not take',
        [{ ...vhd, artifactTags: { 'a/b': 'x', c: 3, d: 'y'.repeat(257) } }],
        [
          "[0].artifactTags.a/b: 'a/b' is not 1 to 512 characters without <>%&\\?/.",
          '[0].artifactTags.c: 3 is not a text.',
          `[0].artifactTags.d: '${'y'.repeat(257)}' is not a text of at most 256 characters.`,
        ],
      ],
      [
        'tags as a list',
        [{ ...vhd, artifactTags: ['team'] }],
        ['[0].artifactTags: a list is not an object with fields.'],
      ],
    ],
    [
      [
        'words in any letter case',
        [
          {
            ...gallery,
            type: 'sharedimage',
            targetRegions: [{ name: 'West US 2', storageAccountType: 'premium_lrs' }],
            replicationMode: 'SHALLOW',
            versioning: { scheme: 'latest', major: 0 },
          },
          { ...vhd, type: 'Vhd' },
        ],
        [
          {
            ...gallery,
            targetRegions: [{ name: 'West US 2', storageAccountType: 'Premium_LRS' }],
            replicationMode: 'Shallow',
            versioning: { scheme: 'Latest', major: 0 },
          },
          vhd,
        ],
      ],
      [
        'a managed image',
        [
          {
            type: 'ManagedImage',
            runOutputName: 'a',
            imageId: MANAGED_IMAGE_ID,
            location: 'westus2',
            artifactTags: { a: '' },
          },
        ],
        [
          {
            type: 'ManagedImage',
            runOutputName: 'a',
            imageId: MANAGED_IMAGE_ID,
            location: 'westus2',
            artifactTags: { a: '' },
          },
        ],
      ],
    ],
  )
})

describe('a whole template', () => {
  const platform = { type: 'PlatformImage', publisher: 'a', offer: 'b', sku: 'c' }
  const properties = (fields: object): object => ({ properties: fields })

  table(
    'imageTemplate',
    [
      ['nothing', {}, ['properties: is missing.']],
      ['nothing in it', { properties: null }, ['properties: null is not an object with fields.']],
      [
        'a field that is nearly one',
        { propertys: {} },
        [
          'properties: is missing.',
          "propertys: unknown field; known: location, tags, identity, properties. Did you mean 'properties'?",
        ],
      ],
      [
        'a source of no kind',
        properties({ source: { type: 'Platform' } }),
        ["properties.source.type: 'Platform' is not one of PlatformImage, ManagedImage, SharedImageVersion."],
      ],
      [
        'a source without its parts',
        properties({ source: { type: 'PlatformImage', publisher: 'a' } }),
        ['properties.source.offer: is missing.', 'properties.source.sku: is missing.'],
      ],
      [
        'half a plan',
        properties({ source: { ...platform, planInfo: { planName: 'a' } } }),
        [
          'properties.source.planInfo.planProduct: is missing.',
          'properties.source.planInfo.planPublisher: is missing.',
        ],
      ],
      [
        'a validator that is none',
        properties({ validate: { inVMValidations: [{ type: 'WindowsUpdate' }] } }),
        [
          "properties.validate.inVMValidations[0].type: 'WindowsUpdate' is not one of Shell, PowerShell, File.",
        ],
      ],
      [
        'a validator of nothing',
        properties({ validate: { inVMValidations: [{ type: 'Shell' }] } }),
        ['properties.validate.inVMValidations[0]: needs either inline or scriptUri.'],
      ],
      [
        'a state that is none',
        properties({ optimize: { vmBoot: { state: 'on' } } }),
        ["properties.optimize.vmBoot.state: 'on' is not one of Enabled, Disabled."],
      ],
      [
        'letter case of a field, which counts',
        properties({ vmProfile: { vmsize: 'a' } }),
        [
          "properties.vmProfile.vmsize: unknown field; known: vmSize, osDiskSizeGB, userAssignedIdentities, vnetConfig. Did you mean 'vmSize'?",
        ],
      ],
      [
        'fields that the API dropped',
        properties({ vmProfile: { vnetConfig: { name: 'a', subnetName: 'b', resourceGroupName: 'c' } } }),
        ['name', 'subnetName', 'resourceGroupName'].map(
          (field) =>
            `properties.vmProfile.vnetConfig.${field}: unknown field; known: subnetId, containerInstanceSubnetId, proxyVmSize.`,
        ),
      ],
      [
        'ranges',
        properties({
          buildTimeoutInMinutes: 961,
          vmProfile: { osDiskSizeGB: '64' },
          additionalDataDisks: [{ sizeGB: 0 }],
        }),
        [
          'properties.buildTimeoutInMinutes: 961 is not a whole number from 0 to 960.',
          "properties.vmProfile.osDiskSizeGB: '64' is not a whole number from 0 to 4095.",
          'properties.additionalDataDisks[0].sizeGB: 0 is not a whole number from 1 to 32767.',
        ],
      ],
    ],
    [
      [
        'words in any letter case, and a version that is not given',
        properties({
          source: { ...platform, type: 'platformimage' },
          autoRun: { state: 'ENABLED' },
          errorHandling: { onValidationError: 'Abort' },
        }),
        properties({
          source: { ...platform, version: 'latest' },
          autoRun: { state: 'Enabled' },
          errorHandling: { onValidationError: 'abort' },
        }),
      ],
      [
        'what the service fills in for a source',
        properties({ source: { ...platform, version: 'latest', exactVersion: '1' } }),
        properties({ source: { ...platform, version: 'latest', exactVersion: '1' } }),
      ],
    ],
  )
})
