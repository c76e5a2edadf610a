/** How long something may stay silent, and how often it is tried. The SDK for blobs by itself waits for ever. */

/** Blob Storage takes a request and goes on saying nothing. */
export class SilentConnection extends Error {
  readonly code = 'NoAnswer'

  /** @param milliseconds how long nothing came, each of these times */
  constructor(milliseconds: number, times: number) {
    super(`nothing happened on the connection for ${milliseconds / 1000} s, ${times} times`)
  }
}

export interface Patience {
  /** Milliseconds. */
  silence: number
  tries: number
  /** Whether each try is waited for as much longer as there were tries. */
  growing?: boolean
  /** Whether an error is worth another try as well. */
  isPassing?: (error: unknown) => boolean
  cancelled?: AbortSignal | undefined
}

/**
 * Does something until it succeeds, fails, or has been silent too often.
 * @param action ends when its signal is aborted, and calls `alive` when something happens
 * @throws SilentConnection; what the action threw; the reason of `cancelled`
 */
export async function patiently<T>(
  { silence, tries, growing = false, isPassing = () => false, cancelled }: Patience,
  action: (abortSignal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const silent = new AbortController()
    const timer = setTimeout(
      () => {
        silent.abort()
      },
      growing ? silence * attempt : silence,
    )
    try {
      const abortSignal = AbortSignal.any([silent.signal, ...(cancelled ? [cancelled] : [])])
      return await action(abortSignal, () => timer.refresh())
    } catch (error) {
      cancelled?.throwIfAborted()
      const passing = isPassing(error)
      if (!passing && !silent.signal.aborted) throw error
      if (attempt === tries) throw passing ? error : new SilentConnection(silence, tries)
    } finally {
      clearTimeout(timer)
    }
  }
}
