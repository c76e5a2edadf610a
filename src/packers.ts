/** The worker threads that pack pieces of the archive, one a core. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { UnreadableFile, type PackedPiece, type PieceTask } from './pack-piece.ts'
import type { PackAnswer } from './pack-worker.ts'

/**
 * A thread holds some 23 MB, and all of the action is to stay below 250. With the thread that hashes and uploads, this
 * many keep the four cores of a standard runner busy.
 */
const MOST = 3
/** Megabytes. A small young generation is cleared often, and with it the buffers that it holds. */
const MEMORY = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 }
/** A thread that has answered has its next piece already. */
const QUEUE = 2
/** Beside this file, as a source and in the bundle. */
const SCRIPT = new URL(import.meta.url.replace(/[^/]*(\.[jt]s)$/, 'pack-worker$1'))

interface Packer {
  worker: Worker
  /** Its answers come in the order of its tasks. */
  waiting: { resolve: (piece: PackedPiece) => void; reject: (error: Error) => void }[]
}

/** Started when the first piece comes. An idle one keeps no process alive. */
export class Packers {
  /** How many pieces may be under way. */
  readonly width: number
  private readonly threads: number
  private readonly packers: Packer[] = []
  private closing = false

  constructor(cores: number = availableParallelism()) {
    this.threads = Math.min(cores, MOST)
    this.width = this.threads * QUEUE
  }

  /** @throws UnreadableFile */
  pack(task: PieceTask): Promise<PackedPiece> {
    if (this.packers.length < this.threads) this.packers.push(this.start())
    const [packer] = this.packers.toSorted((a, b) => a.waiting.length - b.waiting.length)
    return new Promise((resolve, reject) => {
      packer?.waiting.push({ resolve, reject })
      packer?.worker.ref()
      packer?.worker.postMessage(task)
    })
  }

  /** Ends all threads; what is under way is dropped. */
  async close(): Promise<void> {
    this.closing = true
    // Its end is waited for: were nothing else to wait for, the process would be over before.
    for (const { worker } of this.packers) worker.ref()
    await Promise.all(this.packers.map(({ worker }) => worker.terminate()))
  }

  private start(): Packer {
    const packer: Packer = { worker: new Worker(SCRIPT, { resourceLimits: MEMORY }), waiting: [] }
    packer.worker.on('message', (answer: PackAnswer) => {
      const task = packer.waiting.shift()
      if (packer.waiting.length === 0 && !this.closing) packer.worker.unref()
      if ('failure' in answer) task?.reject(new UnreadableFile(answer.failure))
      else task?.resolve(answer)
    })
    packer.worker.on('error', (error: Error) => {
      packer.waiting.splice(0).forEach(({ reject }) => {
        reject(error)
      })
    })
    return packer
  }
}
