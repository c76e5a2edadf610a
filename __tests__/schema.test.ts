/** What the action submits, against Azure's published schema: `AIB_SCHEMAS` names a folder of published schemas. */
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { templateValidator } from '../scripts/check-schema.ts'
import { GALLERY, GROUP, openStage, WINDOWS, type Stage } from './support/run-action.ts'

const schemas = process.env['AIB_SCHEMAS'] ?? ''
const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`

/** Every kind of source and of target, and each input that changes the template's shape. */
const BUILDS: Record<string, Record<string, string>> = {
  'marketplace to gallery': { 'replication-regions': 'East US, westus2=2:Standard_ZRS', 'build-path': '.' },
  'marketplace with a plan to a managed image': {
    'source-image': 'contoso-labs:hardened-linux:hardened-9',
    'managed-image-id': `${IMAGES}/made-hardened`,
    'gallery-image-id': '',
    'build-path': 'large',
    'vm-size': 'Standard_D4s_v5',
    'build-timeout-in-minutes': '0',
  },
  'marketplace to managed image on Windows': {
    'source-image': WINDOWS,
    'managed-image-id': `${IMAGES}/made-windows`,
    'managed-image-location': 'West US 2',
    'gallery-image-id': '',
    'inline-script': 'Write-Output "hello"',
    'run-elevated': 'true',
    'run-as-system': 'true',
    'windows-update': 'true',
  },
  'managed image to VHD on Windows': {
    'source-image': `${IMAGES}/base-windows`,
    'distribute-type': 'vhd',
    'gallery-image-id': '',
    'build-path': 'large',
  },
  'managed image to managed image': {
    'source-image': `${IMAGES}/base-linux`,
    'managed-image-id': `${IMAGES}/made-linux`,
    'gallery-image-id': '',
    'build-path': '',
    'build-timeout-in-minutes': '960',
  },
  'gallery definition to gallery': {
    'source-image': `${GALLERY}/images/base-linux`,
    'build-path': 'app/hello.txt',
  },
  'marketplace to a gallery version': { 'gallery-image-id': `${GALLERY}/images/webapp/versions/7.8.9` },
  'gallery version to VHD': {
    'source-image': `${GALLERY}/images/base-linux/versions/1.9.0`,
    'distribute-type': 'vhd',
    'gallery-image-id': '',
    'run-output-name': 'my.own_name-1',
    'inline-script': 'true',
  },
}

if (schemas === '') {
  test.skip('no template is validated: AIB_SCHEMAS names no folder of published schemas', () => undefined)
} else {
  describe('the published schema takes', () => {
    let stage: Stage
    let problems: Awaited<ReturnType<typeof templateValidator>>
    const submitted = new Map<string, { name: string; body: unknown }>()

    beforeAll(async () => {
      problems = await templateValidator(schemas)
      stage = await openStage({ speed: 5000 })
      await mkdir(path.join(stage.workspace, 'large'))
      await writeFile(path.join(stage.workspace, 'large', 'bytes'), randomBytes(21 * 1024 * 1024))
      await Promise.all(
        Object.entries(BUILDS).map(async ([build, inputs]) => {
          const { outputs, leaks } = await stage.run(inputs)
          const name = outputs['template-name'] ?? ''
          const [put] = stage.azure.world.requests(new RegExp(`^PUT .*/imageTemplates/${name}\\?`))
          expect({ build, leaks }).toEqual({ build, leaks: [] })
          submitted.set(build, { name, body: JSON.parse(put?.body ?? 'null') as unknown })
        }),
      )
    })
    afterAll(() => stage.close())

    test.each(Object.keys(BUILDS))('%s', (build) => {
      const { name = '', body } = submitted.get(build) ?? {}
      expect(body).toHaveProperty('properties.distribute')
      expect(problems(name, body)).toEqual([])
    })
  })
}
