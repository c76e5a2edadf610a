/** What GitHub's tokens say about a workflow job. */
import type { JWTPayload } from 'jose'
import type { WorkflowJob } from '../parts.ts'
import { newId } from '../world.ts'

const ID_TOKEN_ISSUER = 'https://token.actions.githubusercontent.com'
const RUNTIME_ISSUER = 'vstoken.actions.githubusercontent.com'

/** A job that runs: what its runtime token stands for. */
export interface RunningJob {
  job: WorkflowJob
  /** `workflow_job_run_backend_id` */
  jobId: string
}

/**
 * An ID token's claims but for audience and times: those that GitHub documents, all
 * strings. What a job does not say here is a plausible constant.
 */
export function idTokenClaims({ job }: RunningJob): JWTPayload {
  const owner = ownerOf(job)
  const isPullRequest = job.eventName.startsWith('pull_request')
  const file = job.workflowFile ?? `.github/workflows/${fileName(job.workflow)}`
  const workflowRef = `${job.repository}/${file}@${job.ref}`
  return {
    jti: newId(),
    sub: subjectOf(job),
    iss: ID_TOKEN_ISSUER,
    ref: job.ref,
    ref_type: job.ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    ref_protected: 'false',
    sha: job.sha,
    repository: job.repository,
    repository_id: job.repositoryId,
    repository_owner: owner,
    repository_owner_id: job.repositoryOwnerId,
    repository_visibility: 'private',
    run_id: job.runId,
    run_number: job.runNumber,
    run_attempt: job.runAttempt,
    runner_environment: 'github-hosted',
    actor: owner,
    actor_id: job.repositoryOwnerId,
    workflow: job.workflow,
    workflow_ref: workflowRef,
    workflow_sha: job.sha,
    // Names the called workflow where the job is one of a reusable workflow (documented).
    job_workflow_ref: job.calledWorkflow ?? workflowRef,
    job_workflow_sha: job.sha,
    head_ref: isPullRequest ? 'feature' : '',
    base_ref: isPullRequest ? 'main' : '',
    event_name: job.eventName,
    check_run_id: `${job.runId}1`,
    ...(job.environment === undefined ? {} : { environment: job.environment }),
  }
}

/** The subject: the environment if there is one, else the pull request, else the ref; `:` in values escaped. */
function subjectOf(job: WorkflowJob): string {
  const [owner = '', name = ''] = job.repository.split('/')
  const repository = job.immutableSubject
    ? `${owner}@${job.repositoryOwnerId}/${name}@${job.repositoryId}`
    : job.repository
  if (job.environment !== undefined) return `repo:${repository}:environment:${escapeColons(job.environment)}`
  if (job.eventName === 'pull_request') return `repo:${repository}:pull_request`
  return `repo:${repository}:ref:${escapeColons(job.ref)}`
}

/** The runtime token's claims; the results service looks at `scp` alone, as the toolkit does. */
export function runtimeClaims({ job, jobId }: RunningJob): JWTPayload {
  return {
    nameid: 'dddddddd-dddd-dddd-dddd-dddddddddddd',
    scp: `Actions.GenericRead:00000000-0000-0000-0000-000000000000 Actions.Results:${job.runId}:${jobId}`,
    IdentityTypeClaim: 'System:ServiceIdentity',
    jti: newId(),
    iss: RUNTIME_ISSUER,
    aud: `${RUNTIME_ISSUER}|vso:${newId()}`,
  }
}

export function ownerOf(job: WorkflowJob): string {
  return job.repository.split('/')[0] ?? ''
}

function escapeColons(value: string): string {
  return value.replaceAll(':', '%3A')
}

function fileName(workflow: string): string {
  return `${workflow.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.yml`
}
