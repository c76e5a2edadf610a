/** What an archive tells about itself before it is read. Its bytes are tested in archive-content.test.ts. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import path from 'node:path'
import { archiveFormat, packArtifact } from '../../src/archive.ts'
import type { ArchiveFormat } from '../../src/artifact-entries.ts'
import { InputError } from '../../src/errors.ts'
import { link, plant, temporary } from '../support/trees.ts'

let [folder, root] = ['', '']
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ folder, remove } = await temporary())
  root = path.join(folder, 'root')
})
afterEach(() => remove())

const BOTH: ArchiveFormat[] = ['tar.gz', 'zip']

test('every operating system unpacks its own format', () => {
  expect([archiveFormat('Linux'), archiveFormat('Windows')]).toEqual(['tar.gz', 'zip'])
})

test.each(BOTH)('the numbers of a %s are those of the files', async (format) => {
  await plant(root, { a: 'four', b: { c: 'six...' }, l: link('a') })
  const archive = await packArtifact(root, format)
  // A zip holds what the link leads to.
  expect([archive.files, archive.contentBytes]).toEqual(format === 'zip' ? [3, 14] : [2, 10])
  expect(archive.contentType).toBe(format === 'zip' ? 'application/zip' : 'application/gzip')
  expect([archive.leftOut, archive.excluded, archive.credentials]).toEqual([[], { count: 0, names: [] }, []])
})

test.each(BOTH)('a %s tells what was kept out, and what looks like a secret', async (format) => {
  await plant(root, { 'a.log': '', keep: '', out: { d: '' }, '.env': 'TOKEN=planted\n' })
  const archive = await packArtifact(root, format, ['*.log', 'out'])
  expect(archive.files).toBe(2)
  expect(archive.excluded).toEqual({ count: 2, names: ['a.log', 'out/'] })
  expect(archive.credentials).toEqual([{ path: '.env', kind: 'environment file' }])
})

test.each(BOTH)('no %s of a path that does not exist', async (format) => {
  const missing = path.join(folder, 'missing')
  await expect(packArtifact(missing, format)).rejects.toThrow(
    new InputError([{ input: 'build-path', message: `'${missing}' does not exist.` }]),
  )
})
