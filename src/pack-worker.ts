/** A worker thread that packs pieces of the archive: takes a task, answers with what became of it. */
import { parentPort } from 'node:worker_threads'
import { packPiece, UnreadableFile, type PackedPiece, type PieceTask } from './pack-piece.ts'

export type PackAnswer = PackedPiece | { failure: string }

parentPort?.on('message', (task: PieceTask) => {
  let answer: PackAnswer
  try {
    answer = packPiece(task)
  } catch (error) {
    // Anything else is a defect of this program, and ends the thread with it.
    if (!(error instanceof UnreadableFile)) throw error
    answer = { failure: error.message }
  }
  parentPort?.postMessage(answer, 'bytes' in answer ? [answer.bytes.buffer as ArrayBuffer] : [])
})
