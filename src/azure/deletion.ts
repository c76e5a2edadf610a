/** Waiting until Image Builder has deleted a template, and its staging group with it. */
import { AzureError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import type { ResourceManager } from './arm.ts'
import { API_VERSIONS } from './reader.ts'

export interface Deletion {
  /** For errors, such as `deleting image template t_1`. */
  doing: string
  /** Absent where the answer that had it was lost. */
  operationUrl: string | undefined
  /** Whether the template is there still; asked where the operation does not tell. */
  isThere: () => Promise<boolean>
  /** Milliseconds since the epoch. */
  deadline: number
  pollMs: number
  /** What is thrown when the deadline comes first. */
  late: () => Error
  signal?: AbortSignal | undefined
}

/** @throws AzureError when the deletion fails; what `late` says */
export async function untilDeleted(
  { arm, clock }: { arm: ResourceManager; clock: Clock },
  { doing, operationUrl, isThere, deadline, pollMs, late, signal }: Deletion,
): Promise<void> {
  for (;;) {
    // The template itself tells as well, should the operation not be readable.
    const operation =
      operationUrl === undefined
        ? undefined
        : await arm
            .operation(operationUrl, API_VERSIONS.imageBuilder, { signal, once: true })
            .catch(() => undefined)
    if (operation?.status === 'Succeeded') return
    if (operation?.status === 'Failed') {
      const { code = 'DeleteFailed', message = 'Image Builder gave no reason.' } = operation.error ?? {}
      throw new AzureError({ doing, status: 200, code, message })
    }
    if (!operation && !(await isThere())) return
    if (clock.now() + pollMs > deadline) throw late()
    await clock.sleep(pollMs, signal)
  }
}
