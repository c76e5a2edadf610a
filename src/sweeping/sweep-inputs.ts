/** Inputs of the sub-action `sweep` to one checked request. Names and meanings are a promise: see `sweep/action.yml`. */
import { InputError } from '../errors.ts'
import { InputReader, type RawInputs } from '../input-reader.ts'
import { readResourceGroup, readSignIn, readSubscription, type SignIn } from '../sign-in.ts'

export interface SweepRequest {
  signIn: SignIn
  subscriptionId: string
  /** Absent: the whole subscription. */
  resourceGroup?: string
  /** Names (found in the subscription) or resource IDs, each once. */
  storageAccounts: string[]
  olderThanHours: number
  /** `owner/name`, or `*` for every repository. */
  repository: string
  dryRun: boolean
}

/** A year: what is asked to be older than that is a slip. */
const MOST_HOURS = 8760

/**
 * Reads and checks all inputs.
 * @throws InputError that names every mistake
 */
export function readSweepInputs(raw: RawInputs): SweepRequest {
  const read = new InputReader(raw)
  const hasGroup = read.optional('resource-group') !== undefined
  const request: SweepRequest = {
    signIn: readSignIn(read),
    subscriptionId: readSubscription(read),
    ...(hasGroup ? { resourceGroup: readResourceGroup(read) } : {}),
    storageAccounts: readStorageAccounts(read),
    olderThanHours: read.integer(
      'older-than-hours',
      24,
      `1 to ${MOST_HOURS}`,
      (hours) => hours >= 1 && hours <= MOST_HOURS,
    ),
    repository: readRepository(read, raw.workflowRun.repository),
    dryRun: read.boolean('dry-run', true),
  }
  read.boolean('summary', true)
  if (read.problems.length > 0) throw new InputError(read.problems)
  return request
}

function readStorageAccounts(read: InputReader): string[] {
  const given = read.list('storage-account').map((one) => one.replace(/\/+$/, ''))
  for (const one of given) {
    const rule = '3 to 24 lower-case letters or digits'
    read.nameOrId('storage-account', one, 'account', /^[a-z0-9]{3,24}$/, rule)
  }
  return [...new Map(given.map((one) => [one.toLowerCase(), one])).values()]
}

function readRepository(read: InputReader, current: string): string {
  const given = read.optional('repository') ?? current
  if (given === '') read.problem('repository', 'is required outside a workflow run; give it as owner/name.')
  else if (given !== '*' && !/^[\w.-]+\/[\w.-]+$/.test(given)) {
    read.problem('repository', `'${given}' is not owner/name, nor '*' for every repository.`)
  }
  return given
}
