import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Blobs } from '../../local-azure/parts.ts'
import {
  fetchIdToken,
  JOB,
  runScript,
  send,
  startAccessWithBlobs,
  type Access,
  type Answer,
} from './access-support.ts'

let access: Access & { blobs: Blobs }
beforeAll(async () => {
  access = await startAccessWithBlobs()
})
afterAll(() => access.close())

describe('ID tokens', () => {
  test('carry header, claims and times of the real ones', async () => {
    const token = await fetchIdToken(access, {}, 'api://AzureADTokenExchange')
    const header = decodeProtectedHeader(token)
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', x5t: header['x5t'], kid: header.kid })
    const claims = decodeJwt(token)
    expect(claims).toMatchObject({
      iss: 'https://token.actions.githubusercontent.com',
      aud: 'api://AzureADTokenExchange',
      sub: 'repo:octo-org/webapp:ref:refs/heads/main',
      repository: 'octo-org/webapp',
      repository_owner: 'octo-org',
      run_id: '7001',
      job_workflow_ref: 'octo-org/webapp/.github/workflows/build-image.yml@refs/heads/main',
    })
    const names =
      'jti sub aud iss nbf exp iat ref ref_type ref_protected sha repository repository_id repository_owner ' +
      'repository_owner_id repository_visibility run_id run_number run_attempt runner_environment actor actor_id ' +
      'workflow workflow_ref workflow_sha job_workflow_ref job_workflow_sha head_ref base_ref event_name check_run_id'
    expect(Object.keys(claims).sort()).toEqual(names.split(' ').sort())
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300)
    expect(access.world.secrets).toContain(token)
  })

  test('are meant for the owner when no audience is asked for', async () => {
    expect(decodeJwt(await fetchIdToken(access)).aud).toBe('https://github.com/octo-org')
  })

  test.each([
    [{ environment: 'prod:eu', eventName: 'pull_request' }, 'repo:octo-org/webapp:environment:prod%3Aeu'],
    [{ eventName: 'pull_request', ref: 'refs/pull/4/merge' }, 'repo:octo-org/webapp:pull_request'],
    [{ ref: 'refs/tags/v1' }, 'repo:octo-org/webapp:ref:refs/tags/v1'],
    [{ immutableSubject: true }, 'repo:octo-org@64/webapp@512:ref:refs/heads/main'],
  ])('have the subject of %j', async (job, subject) => {
    expect(decodeJwt(await fetchIdToken(access, job)).sub).toBe(subject)
  })

  test('are refused to other bearers', async () => {
    const url = access.github.idTokenRequestUrl
    expect(new URL(url).search).toBe('?api-version=2.0')
    expect((await send(access, url)).status).toBe(401)
    expect((await send(access, url, { headers: { Authorization: 'Bearer x' } })).status).toBe(401)
  })
})

const UPLOAD = `
  import { DefaultArtifactClient } from '@actions/artifact'
  const { NAME, FILES } = process.env
  const files = FILES.split('|')
  await new DefaultArtifactClient().uploadArtifact(NAME, files, process.env.GITHUB_WORKSPACE, { compressionLevel: 0 })`

async function upload(runtimeToken: string, name: string, content: Buffer): Promise<string> {
  const workspace = path.join(access.folder, 'work space')
  await mkdir(workspace, { recursive: true })
  const file = path.join(workspace, 'customization.log')
  await writeFile(file, content)
  return await runScript(access, UPLOAD, {
    NAME: name,
    FILES: file,
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKSPACE: workspace,
    RUNNER_TEMP: access.folder,
    ACTIONS_RESULTS_URL: access.github.resultsUrl,
    ACTIONS_RUNTIME_TOKEN: runtimeToken,
  })
}

describe('artifacts', () => {
  test('the real client uploads one, in several blocks, and a second of its name is refused', async () => {
    const token = await access.github.startJob({ ...JOB, runId: '8001' })
    const content = randomBytes(9 * 1024 * 1024)
    await upload(token, 'customization-log', content)
    const artifact = (await access.github.artifacts()).find(({ name }) => name === 'customization-log')
    // Stored, not deflated: the file's bytes stand in the zip as they are.
    expect(artifact?.zip.includes(content)).toBe(true)
    const again = await access.github.startJob({ ...JOB, runId: '8001', runAttempt: '2' })
    await expect(upload(again, 'customization-log', content)).rejects.toThrow(
      'Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: an artifact with this name already exists on the workflow run',
    )
  })

  test('the runtime token names run and job in three parts', async () => {
    const token = await access.github.startJob(JOB)
    expect(String(decodeJwt(token)['scp'])).toMatch(/(?:^| )Actions\.Results:7001:[-\w]+(?: |$)/)
    expect(access.world.secrets).toContain(token)
  })

  test('an upload that differs from what its client says is refused, a good one is listed', async () => {
    const token = await access.github.startJob({ ...JOB, runId: '8002' })
    const { signed_upload_url: url } = await call(token, 'CreateArtifact', { name: 'log', version: 7 })
    const put = await send(access, String(url), {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob', 'x-ms-version': '2024-11-04' },
      body: 'bytes',
    })
    expect(put.status).toBe(201)
    const hash = 'sha256:1a79fd81d4c5e24e4b1c5b2bd40c5c18d5e87dc0d1b2dc2b5bbd1d1a8a3bd6ea'
    expect(await call(token, 'FinalizeArtifact', { name: 'log', size: '4' })).toHaveProperty('code')
    expect(await call(token, 'FinalizeArtifact', { name: 'log', size: '5', hash })).toHaveProperty('code')
    expect(await call(token, 'ListArtifacts', {})).toEqual({ artifacts: [] })
    expect(await call(token, 'FinalizeArtifact', { name: 'log', size: '5' })).toMatchObject({ ok: true })
    expect(await call(token, 'ListArtifacts', { name_filter: 'log' })).toMatchObject({
      artifacts: [{ name: 'log', size: '5' }],
    })
    const { signed_url: download } = await call(token, 'GetSignedArtifactURL', { name: 'log' })
    expect((await send(access, String(download))).text).toBe('bytes')
    const signature = new URL(String(download)).searchParams.get('sig')
    expect(access.world.secrets).toContain(signature)
  })

  test('a foreign token, and a token used for another run, are refused', async () => {
    const token = await access.github.startJob({ ...JOB, runId: '8003' })
    const other = await access.github.startJob({ ...JOB, runId: '8004' })
    expect(await call('x', 'ListArtifacts', {}, token)).toMatchObject({ code: 'unauthenticated' })
    expect(await call(other, 'ListArtifacts', {}, token)).toMatchObject({ code: 'permission_denied' })
  })
})

/** A Twirp call by hand, with the IDs that the token `ids` names. */
async function call(
  token: string,
  method: string,
  fields: Record<string, unknown>,
  ids = token,
): Promise<Record<string, unknown>> {
  const scope = /Actions\.Results:(\S+):(\S+)/.exec(String(decodeJwt(ids)['scp']))
  const answer: Answer = await send(
    access,
    new URL(`/twirp/github.actions.results.api.v1.ArtifactService/${method}`, access.github.resultsUrl).href,
    {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({
        workflow_run_backend_id: scope?.[1],
        workflow_job_run_backend_id: scope?.[2],
        ...fields,
      }),
    },
  )
  return JSON.parse(answer.text) as Record<string, unknown>
}
