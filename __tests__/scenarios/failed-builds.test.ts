/** Builds that fail in Azure: what the user is told, what stays for a look at the log, and what does not. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { readFile } from 'node:fs/promises'
import type { JobResult } from '../../local-azure/runner.ts'
import { CLIENT_ID, defaultSeed, DEPLOYER_ACTIONS, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { send } from '../local-azure/access-support.ts'
import { whyNoBuildVm } from '../support/build-vm.ts'
import { failureOf } from '../support/failures.ts'
import { AT_ANY_PACE, countRequests, HELD, pace, runQuickly, whenAt } from '../support/moments.ts'
import { annotations, leftBehind, openStage, type Stage } from '../support/run-action.ts'
import { addApplication } from '../support/seeds.ts'

const RUN_OUTPUT = /^GET .*\/imageTemplates\/t_[^/]+\/runOutputs\//
const SIGNING = /^POST .*comp=userdelegationkey/
const ACCOUNT = 'stcontosobuild'
const UNLUCKY = { 'run-output-name': 'unlucky' }

const seed = defaultSeed()
const mayNotDeleteBlobs = addApplication(seed, {
  roles: [
    {
      actions: DEPLOYER_ACTIONS,
      dataActions: ['read', 'write', 'add/action'].map(
        (right) => `Microsoft.Storage/storageAccounts/blobServices/containers/blobs/${right}`,
      ),
    },
  ],
})

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    ...AT_ANY_PACE,
    seed,
    build: {
      failDistribute: { runOutputName: 'unlucky', message: 'Some error happened, please check' },
    },
  })
})
afterEach(() => {
  pace(stage.azure)
})
afterAll(() => stage.close())

/** What there is of a job in Azure: its template, the staging groups of that, its blob. */
async function remainsOf(job: JobResult): Promise<{ template: boolean; groups: string[]; blob: boolean }> {
  const { resources } = stage.azure.world
  const name = job.outputs['template-name'] ?? ''
  const groups = resources.list('Microsoft.Resources/resourceGroups')
  const { container, blob } = blobOf(job)
  return {
    template: resources.get(job.outputs['template-id'] ?? '') !== undefined,
    groups: groups.filter(({ tags }) => tags?.['imageTemplateName'] === name).map((group) => group.name),
    blob: (await stage.azure.blobs.list(ACCOUNT)).includes(`${container}/${blob}`),
  }
}

function blobOf(job: JobResult): { container: string; blob: string } {
  return JSON.parse(job.state['blob'] ?? '') as { container: string; blob: string }
}

/** Template and staging group are there, the blob is not, and post says how to delete what is kept. */
async function expectKept(job: JobResult): Promise<void> {
  const { template, groups, blob } = await remainsOf(job)
  expect({ template, groups: groups.length, blob }).toEqual({ template: true, groups: 1, blob: false })
  const name = job.outputs['template-name'] ?? ''
  expect(job.post?.lines).toContain(
    `the build failed: keeping template ${name} and its staging resource group ${groups[0] ?? ''}`,
  )
  expect(job.post?.lines).toContain(
    `to delete them when you are done: az image builder delete --name ${name} --resource-group 'rg-images' --subscription ${SUBSCRIPTION_ID}`,
  )
  expect(annotations(job, 'warning')).toEqual([])
}

/** The customization log, read where the failure says that it is. */
async function logOf(failure: string): Promise<string> {
  const [, account = '', blob = ''] =
    /^Customization log: storage account (\S+), container packerlogs, blob (\S+)$/m.exec(failure) ?? []
  return String(await stage.azure.blobs.read(account, 'packerlogs', blob))
}

/** Azure's words for a failed customization; they hold the log's address. */
const FAILED_IN_THE_VM =
  /^The run of image template t_\S+ ended with Failed: During the image build a failure has occurred\. .+packerlogs\/[0-9a-f-]+\/customization\.log\. /m

const noBuildVm = await whyNoBuildVm()
const inBuildVm = noBuildVm === '' ? test : test.skip

describe('a customizer that fails', () => {
  inBuildVm(
    `in a script, at its second line${noBuildVm && ` (skipped, no build VM: ${noBuildVm})`}`,
    async () => {
      const script = 'echo "this far"\nls /no/such/folder\necho "never printed"'
      const job = await runQuickly(stage, { 'inline-script': script })
      const failure = failureOf(job)
      expect(failure).toMatch(FAILED_IN_THE_VM)
      const log = await logOf(failure)
      expect(log).toContain('azure-arm: this far')
      expect(log).toMatch(/azure-arm: ls: .*\/no\/such\/folder.*No such file or directory/)
      expect(log).toContain('Script exited with non-zero exit status: 2. Allowed exit codes are: [0]')
      expect(log).not.toContain('azure-arm: never printed')
      expect(job.outputs).toMatchObject({ 'run-state': 'Failed', 'image-uri': '', 'image-uris': '{}' })
      await expectKept(job)
      expect(job.post?.lines.join('\n')).toContain(/^Customization log: .+$/m.exec(failure)?.[0])
    },
  )
})

describe('a run that fails elsewhere', () => {
  test('in distributing', async () => {
    const job = await runQuickly(stage, UNLUCKY)
    const failure = failureOf(job)
    expect(failure).toContain('ended with Failed: Failed in distributing 1 images out of total 1')
    expect(failure).toContain('Some error happened, please check')
    expect(job.outputs).toMatchObject({
      'run-state': 'Failed',
      'run-output-name': 'unlucky',
      'image-uri': '',
    })
    await expectKept(job)
    // The message tells no place, so the group that holds the log is named.
    const group = job.outputs['staging-resource-group'] ?? '-'
    expect(failure).toContain(`Customization log: container packerlogs of the storage account in ${group}`)
  })

  test('because somebody else cancels it', async () => {
    pace(stage.azure, { building: HELD })
    const cancelled: Promise<number>[] = []
    const job = await runQuickly(
      stage,
      {},
      {
        onLine: (line, of) => {
          if (of === 'main' && line.startsWith('  Building')) cancelled.push(cancelOutside())
        },
      },
    )
    expect(await Promise.all(cancelled)).toEqual([204])
    expect(failureOf(job)).toMatch(/^The run of image template t_\S+ ended with Canceled: /m)
    expect(job.outputs['run-state']).toBe('Canceled')
    await expectKept(job)
  })

  test('because somebody else deletes the template', async () => {
    pace(stage.azure, { building: HELD })
    const job = await runQuickly(
      stage,
      {},
      {
        onLine: (line) => {
          if (line.startsWith('  Building')) stage.azure.world.resources.delete(runningTemplate())
        },
      },
    )
    expect(failureOf(job)).toMatch(/^Image template t_\S+ was deleted while its run was under way\.$/m)
    expect(job.post?.lines.join('\n')).toMatch(/template t_\S+ does not exist: nothing to delete/)
    expect(annotations(job, 'warning')).toEqual([])
    expect((await remainsOf(job)).blob).toBe(false)
  })
})

/** Resource ID of the template with a run under way. */
function runningTemplate(): string {
  const templates = stage.azure.world.resources.list('Microsoft.VirtualMachineImages/imageTemplates')
  const running = templates.find(
    ({ properties }) =>
      (properties['lastRunStatus'] as { runState: string } | undefined)?.runState === 'Running',
  )
  return running?.id ?? ''
}

/** Cancels the run under way as another client would; returns the answer's status. */
async function cancelOutside(): Promise<number> {
  const { azure } = stage
  const objectId = seed.applications.find(({ clientId }) => clientId === CLIENT_ID)?.objectId ?? ''
  const token = await azure.entra.issue({ clientId: CLIENT_ID, objectId }, 'https://management.azure.com')
  const url = `${azure.endpoints.resourceManager}${runningTemplate()}/cancel?api-version=2025-10-01`
  const authority = await readFile(azure.caFile, 'utf8')
  const options = { method: 'POST', headers: { Authorization: `Bearer ${token}` } }
  return (await send({ authority }, url, options)).status
}

describe('a template that Image Builder cannot take in', () => {
  test('because the artifact is not the one that was uploaded', async () => {
    whenAt(stage.azure, SIGNING, async () => {
      const [blob = ''] = await stage.azure.blobs.list(ACCOUNT)
      const [container = '', ...name] = blob.split('/')
      await stage.azure.blobs.write(ACCOUNT, container, name.join('/'), 'something else')
    })
    const job = await runQuickly(stage)
    expect(failureOf(job)).toMatch(/SHA256 checksum of the file is '[0-9a-f]{64}', expected '[0-9a-f]{64}'/)
    await expectKept(job)
  })
})

describe('cleanup after a failure', () => {
  // `rights.test.ts` sees it after a run, too.
  test('always: nothing stays, not even of a template that could not be taken in', async () => {
    whenAt(stage.azure, SIGNING, () => stage.azure.blobs.clear(ACCOUNT))
    const job = await runQuickly(stage, { cleanup: 'always' })
    failureOf(job)
    expect(await remainsOf(job)).toEqual({ template: false, groups: [], blob: false })
    expect(annotations(job, 'warning')).toEqual([])
  })

  test('never: everything stays, and post says what', async () => {
    const deletes = countRequests(stage.azure, /^DELETE /)
    const job = await runQuickly(stage, { ...UNLUCKY, cleanup: 'never' })
    failureOf(job)
    const { template, groups, blob } = await remainsOf(job)
    expect({ template, groups: groups.length, blob }).toEqual({ template: true, groups: 1, blob: true })
    expect(deletes()).toEqual([])
    const name = blobOf(job)
    expect(job.post?.lines).toEqual([
      `cleanup is never: keeping template ${job.outputs['template-name'] ?? ''} and blob ${name.container}/${name.blob}`,
    ])
  })
})

describe('post', () => {
  test.each([
    ['what is named does not exist', { 'resource-group': 'rg-nowhere' }],
    ['the inputs are wrong', { location: '' }],
  ])('has nothing to do when nothing was created: %s', async (_, inputs) => {
    const job = await runQuickly(stage, inputs)
    failureOf(job)
    expect(job.post?.lines).toEqual(['nothing was created, so there is nothing to clean up'])
    expect(job.post?.exitCode).toBe(0)
  })

  test('that may not delete the blob: the build stays green, with a warning and the command', async () => {
    // What an earlier build left does not disturb this one, nor goes with it.
    const name = 'left-by-another'
    await stage.azure.blobs.write(ACCOUNT, 'imagebuilder-vststask', name, '')
    const before = await leftBehind(stage.azure)
    expect(before.blobs).toContain(`imagebuilder-vststask/${name}`)
    const job = await runQuickly(stage, { 'client-id': mayNotDeleteBlobs })
    expect(job.conclusion).toBe('success')
    expect(job.leaks).toEqual([])
    const { container, blob } = blobOf(job)
    const [warning = '', ...more] = annotations(job, 'warning')
    expect(more).toEqual([])
    expect(warning).toContain(`Blob ${container}/${blob} was not deleted: `)
    expect(warning).toContain('AuthorizationPermissionMismatch (HTTP 403)')
    expect(warning).toContain(
      `az storage blob delete --auth-mode login --account-name ${ACCOUNT} --container-name ${container} --name '${blob}'`,
    )
    // One part that fails does not keep the other back.
    expect(await remainsOf(job)).toEqual({ template: false, groups: [], blob: true })
    const blobs = [...before.blobs, `${container}/${blob}`].sort()
    const { blobs: left, ...others } = await leftBehind(stage.azure)
    expect({ ...others, blobs: left.sort() }).toEqual({ ...before, blobs })
  })

  test.each([
    ['the blob', false],
    ['the container', true],
  ])('finds template and %s gone already: that is fine', async (_, withContainer) => {
    const { azure } = stage
    whenAt(azure, RUN_OUTPUT, async ({ target }) => {
      azure.world.resources.delete(target.replace(/\/runOutputs\/.*/, ''))
      await azure.blobs.clear(ACCOUNT)
      if (!withContainer) await azure.blobs.write(ACCOUNT, 'imagebuilder-vststask', 'other', '')
    })
    const job = await runQuickly(stage)
    expect(annotations(job, 'error')).toEqual([])
    expect(job.conclusion).toBe('success')
    expect(annotations(job, 'warning')).toEqual([])
    expect(job.post?.lines.filter((line) => line.endsWith('does not exist: nothing to delete'))).toHaveLength(
      2,
    )
    expect(job.leaks).toEqual([])
  })
})
