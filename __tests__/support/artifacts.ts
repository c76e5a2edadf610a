/** Workspaces with every kind of name and file, and the ways to look at what became of them. */
import { createHash, randomBytes } from 'node:crypto'
import path from 'node:path'
import type { JobResult } from '../../local-azure/runner.ts'
import { GALLERY, WINDOWS, type Stage } from './run-action.ts'
import { contents, file, plant, temporary, type Tree } from './trees.ts'

export const MIB = 1024 * 1024
export const ARTIFACTS = 'imagebuilder-vststask'
export const ON_WINDOWS = {
  'source-image': WINDOWS,
  'gallery-image-id': `${GALLERY}/images/webapp-windows`,
}

/** A token of the job, as a checkout keeps it: plain here, and encoded. */
export const TOKEN = `ghs_${randomBytes(18).toString('hex')}`
export const BASIC = Buffer.from(`x-access-token:${TOKEN}`).toString('base64')
const GIT_CONFIG = `[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic ${BASIC}\n# ${TOKEN}\n`

/** What git keeps in a checkout with a submodule. */
export const GIT: Tree = {
  '.git': { config: GIT_CONFIG, HEAD: 'ref: refs/heads/main' },
  submodule: { '.git': `gitdir: ../.git/modules/submodule # ${TOKEN}`, kept: '1' },
  vendored: { deep: { '.git': { config: GIT_CONFIG }, kept: '2' } },
}

/** Each below the one before: longer than 255 bytes together. */
export const LONG = ['a'.repeat(100), 'ㄱ'.repeat(80), 'b'.repeat(200)] as const

/** Every kind of content, under names that Windows takes as well. */
export const TREE: Tree = {
  empty: '',
  binary: randomBytes(100_000),
  _underscore: '1',
  '-rf': '2',
  '--checkpoint-action=exec=touch x': '3',
  '@at': '4',
  'with blanks': { ' in front': '5' },
  "it's": '6',
  '$(touch x)': '7',
  '`touch x`': '8',
  '%TEMP% $HOME ~ & ; # ! [x] {y}': '9',
  '한글 파일': '내용',
  '🚀': '11',
  accents: { 'e\u0301': 'decomposed', '\u00e9': 'composed' },
  'empty folder': {},
  hollow: { er: { est: {} } },
  '.hidden': { '.deeper': { '.file': '12' } },
  '.github': { 'bake.yml': '13' },
  '.gitignore': '14',
  long: { [LONG[0]]: { [LONG[1]]: { [LONG[2]]: 'far down' } } },
  'run me': file(0o755, '#!/bin/sh'),
}

/** Makes workspaces, each in a folder of its own, until `remove`. */
export async function workspaces(): Promise<{
  make: (name: string, tree: Tree) => Promise<string>
  remove: () => Promise<void>
}> {
  const { folder, remove } = await temporary()
  return {
    make: async (name, tree) => {
      const workspace = path.join(folder, name)
      await plant(workspace, tree)
      return workspace
    },
    remove,
  }
}

/** What of a tree belongs into an image: all but `.git`. */
export function packable(root: string, options: { modes?: boolean } = {}): Record<string, string> {
  const entries = Object.entries(contents(root, options))
  return Object.fromEntries(entries.filter(([name]) => !name.split('/').includes('.git')))
}

interface Customizer {
  type: string
  sourceUri?: string
  sha256Checksum?: string
  inline?: string[]
}

/** Customizers of a job's template, which must still exist. */
export function customizersOf({ azure }: Stage, { outputs }: JobResult): Customizer[] {
  const template = azure.world.resources.get(outputs['template-id'] ?? '')
  if (!template) throw new Error('The template does not exist (any more).')
  return template.properties['customize'] as Customizer[]
}

/** A job's artifact, as it lies in the storage account; its template must still exist. */
export async function artifactOf(stage: Stage, job: JobResult): Promise<Buffer> {
  const template = JSON.stringify(customizersOf(stage, job))
  const [, name = ''] = new RegExp(`/${ARTIFACTS}/([^?]+)\\?`).exec(template) ?? []
  const content = await stage.azure.blobs.read('stcontosobuild', ARTIFACTS, decodeURIComponent(name))
  if (!content) throw new Error(`There is no artifact '${name}'.`)
  return content
}

/** A blob of the staging account of a job's template, found by the end of its name. */
export async function stagedBlob({ azure }: Stage, { outputs }: JobResult, end: string): Promise<Buffer> {
  const group = `/resourcegroups/${outputs['staging-resource-group'] ?? ''}/`.toLowerCase()
  const accounts = azure.world.resources.list('Microsoft.Storage/storageAccounts')
  const account = accounts.find(({ id }) => id.toLowerCase().includes(group))?.name ?? ''
  const found = (await azure.blobs.list(account)).find((name) => name.endsWith(end)) ?? ''
  const [container = '', ...name] = found.split('/')
  const content = await azure.blobs.read(account, container, name.join('/'))
  if (!content) throw new Error(`There is no '${end}' in the staging account.`)
  return content
}

/** Folder that mirrors `/` of the image that a job made, with what the build put there. */
export function fileSystemOf({ azure }: Stage, { outputs }: JobResult): string {
  const folder = azure.world.imageFileSystems.get((outputs['image-uri'] ?? '').toLowerCase())
  if (folder === undefined) throw new Error('The job made no image that could be looked into.')
  return folder
}

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
