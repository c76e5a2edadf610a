/** The validator against Azure's published schema, tried on a small schema of the same form. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { SharedImageTarget } from '../../local-azure/image-builder/image-template.ts'
import { templateValidator } from '../../scripts/check-schema.ts'
import { DEFINITION, templateBody } from './image-builder-client.ts'

const expression = {
  $ref: 'https://schema.management.azure.com/schemas/common/definitions.json#/definitions/expression',
}
const member = (kind: string) => ({
  allOf: [
    { $ref: `#/definitions/${kind}Step` },
    { properties: { type: { const: kind } }, required: ['type'], type: 'object' },
  ],
})
/** A union as it is published: the base forbids what its members add. */
const schema = {
  resourceDefinitions: {
    imageTemplates: {
      type: 'object',
      properties: {
        name: { type: 'string' },
        type: { type: 'string' },
        apiVersion: { type: 'string' },
        properties: { oneOf: [{ $ref: '#/definitions/Properties' }, expression] },
      },
      required: ['properties'],
    },
  },
  definitions: {
    Properties: {
      type: 'object',
      properties: {
        steps: { oneOf: [{ type: 'array', items: { $ref: '#/definitions/Step' } }, expression] },
      },
    },
    Step: {
      allOf: [
        {
          type: 'object',
          additionalProperties: false,
          properties: { name: { type: 'string' }, type: { enum: ['Shell', 'File'], type: 'string' } },
          required: ['type'],
        },
        { oneOf: [member('Shell'), member('File')] },
      ],
    },
    ShellStep: { type: 'object', properties: { inline: { type: 'string' } }, required: ['type'] },
    FileStep: { type: 'object', properties: { target: { type: 'string' } }, required: ['target'] },
  },
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'schema-'))
  const file = path.join(folder, 'Microsoft.VirtualMachineImages.2025-10-01.schema.json')
  await writeFile(file, JSON.stringify(schema))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const cases: [string, object, string[]][] = [
  [
    'members of a union',
    {
      steps: [
        { type: 'Shell', name: 'a', inline: 'b' },
        { type: 'File', target: 'c' },
      ],
    },
    [],
  ],
  [
    'a field of another member',
    { steps: [{ type: 'Shell', target: 'c' }] },
    ['/properties/steps/0 must NOT have additional properties (target)'],
  ],
  [
    'a missing field',
    { steps: [{ type: 'File' }] },
    ["/properties/steps/0 must have required property 'target' (target)"],
  ],
  [
    'an unknown member',
    { steps: [{ type: 'shell' }] },
    ['/properties/steps/0 value of tag "type" must be in oneOf (mapping, type, shell)'],
  ],
  ['an unknown field', { stepz: [] }, ['/properties must NOT have additional properties (stepz)']],
]
test.each(cases)('%s', async (_, properties, errors) => {
  const check = await templateValidator(folder)
  expect(check('name', { properties })).toEqual(errors)
})

/** The published schema is no part of this repository; whoever has it names its folder. */
const published = process.env['AIB_SCHEMAS']
const testPublished = published === undefined ? test.skip : test
testPublished('the published schema passes what the local Azure accepts', async () => {
  const check = await templateValidator(published ?? '')
  const gallery: SharedImageTarget = {
    type: 'SharedImage',
    runOutputName: 'g',
    galleryImageId: DEFINITION,
    targetRegions: [{ name: 'East US', replicaCount: 2, storageAccountType: 'Standard_ZRS' }],
    versioning: { scheme: 'Latest', major: 1 },
  }
  const template = templateBody({
    customize: [
      { type: 'File', sourceUri: 'https://x/y', destination: '/tmp/y' },
      { type: 'Shell', name: 'unpack', inline: ['tar xf /tmp/y'] },
    ],
    optimize: { vmBoot: { state: 'Enabled' } },
    validate: { inVMValidations: [{ type: 'Shell', inline: ['true'] }] },
    distribute: [gallery],
    buildTimeoutInMinutes: 80,
  })
  expect(check('name', template)).toEqual([])
})
