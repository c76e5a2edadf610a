/** The seams between the parts of a local Azure: what each offers to the others. */
import type { Principal } from './world.ts'

/** A refusal of a bearer token, in the words that the refusing service puts into its answer. */
export interface TokenRefusal {
  code: string
  message: string
}

/** Entra ID as the other parts see it. */
export interface TokenAuthority {
  /** Checks signature, issuer, audience (one of `audiences`) and validity of a bearer token's JWT. */
  verify: (token: string | undefined, audiences: string[]) => Promise<Principal | TokenRefusal>
  /** An access token for a principal without a sign-in: for the Azure CLI stand-in and for tests. */
  issue: (principal: Principal, audience: string) => Promise<string>
}

/** One workflow job, as GitHub knows it: what its ID tokens claim and which token it asks with. */
export interface WorkflowJob {
  /** `owner/name` */
  repository: string
  repositoryId: string
  repositoryOwnerId: string
  ref: string
  sha: string
  runId: string
  runNumber: string
  runAttempt: string
  workflow: string
  /** The workflow's file in its repository; default: one that goes by its name. */
  workflowFile?: string
  /** `owner/name/path@ref` of the reusable workflow that the job is in; default: the workflow itself. */
  calledWorkflow?: string
  eventName: string
  /** The job's deployment environment, which then is its subject. */
  environment?: string
  /** Subject in the immutable form `repo:O@id/R@id:…` (repositories made since July 2026). */
  immutableSubject?: boolean
}

export interface GitHub {
  /** `ACTIONS_ID_TOKEN_REQUEST_URL`: has a query already, as the real one does. */
  idTokenRequestUrl: string
  /** `ACTIONS_RESULTS_URL` */
  resultsUrl: string
  /**
   * Registers a job and returns its token: `ACTIONS_RUNTIME_TOKEN` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` alike,
   * a JWT whose `scp` holds `Actions.Results:<run id>:<job id>`.
   */
  startJob: (job: WorkflowJob) => Promise<string>
  /** Workflow artifacts uploaded so far: their names and the bytes of their zip. */
  artifacts: () => Promise<{ name: string; zip: Buffer }[]>
}

/** Blob storage: the real Azurite behind a gate that checks tokens and rights as Azure does. */
export interface Blobs {
  /** Blob endpoint of an account, with a trailing slash, as Resource Manager reports it. */
  endpoint: (account: string) => string
  /** The same past the gate, at Azurite itself: for measurements alone, as nothing is judged or recorded there. */
  ungated: (account: string) => string
  /** The account's keys, as `listKeys` returns them. */
  keys: (account: string) => [string, string]
  /** Takes an unused account for a staging group: 24 random lower-case letters and digits. */
  takeStagingAccount: () => string
  /** Empties an account (its containers go) when its resource goes. */
  clear: (account: string) => Promise<void>
  write: (account: string, container: string, name: string, content: Buffer | string) => Promise<void>
  /** A blob's content, or undefined when there is none. */
  read: (account: string, container: string, name: string) => Promise<Buffer | undefined>
  /** Every blob of an account as `container/name`, sorted; also one that is blocks of a broken-off upload alone. */
  list: (account: string) => Promise<string[]>
}
