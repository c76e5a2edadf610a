/**
 * Who waits for whom: places for jobs, and concurrency groups as GitHub keeps them. Documented: one of a group runs, one
 * waits, and a newer one cancels the one that waits; with `queue: max` up to 100 wait in line; `cancel-in-progress`
 * cancels the one that runs as well. Names are compared without regard to case. Other runs do not exist here.
 */

/** Lets so many go on at once, the others in the order in which they came. */
export class Places {
  private free: number
  private readonly waiting: (() => void)[] = []

  constructor(count: number) {
    this.free = count
  }

  async hold<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.free++
    }
  }
}

export interface Concurrency {
  group: string
  cancelInProgress: boolean
  queue: 'single' | 'max'
}

interface Waiting {
  /** `false`: cancelled while it waited. */
  answer: (goes: boolean) => void
}

interface Group {
  running?: { cancel: () => void }
  waiting: Waiting[]
}

const LONGEST_QUEUE = 100

export class ConcurrencyGroups {
  private readonly groups = new Map<string, Group>()

  /**
   * Waits for its turn in a group. False when a newer one took the place in which it waited.
   * @param cancel how it is cancelled when it runs and a newer one does not want to wait
   */
  async enter({ group, cancelInProgress, queue }: Concurrency, cancel: () => void): Promise<boolean> {
    const found = this.groups.get(group.toLowerCase()) ?? { waiting: [] }
    this.groups.set(group.toLowerCase(), found)
    if (!found.running) {
      found.running = { cancel }
      return true
    }
    if (queue === 'single' || found.waiting.length >= LONGEST_QUEUE) found.waiting.shift()?.answer(false)
    const turn = new Promise<boolean>((answer) => found.waiting.push({ answer }))
    if (cancelInProgress) found.running.cancel()
    if (!(await turn)) return false
    found.running = { cancel }
    return true
  }

  leave(group: string): void {
    const found = this.groups.get(group.toLowerCase())
    if (!found) return
    const next = found.waiting.shift()
    if (next) next.answer(true)
    else delete found.running
  }
}
