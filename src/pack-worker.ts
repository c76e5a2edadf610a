/** A worker thread that packs pieces of the archive: takes a task, answers with what became of it. */
import { parentPort } from 'node:worker_threads'
import { packPiece, type PackedPiece, type PieceTask } from './pack-piece.ts'

export type PackAnswer = PackedPiece | { failure: string }

parentPort?.on('message', (task: PieceTask) => {
  let answer: PackAnswer
  try {
    answer = packPiece(task)
  } catch (error) {
    answer = { failure: error instanceof Error ? error.message : String(error) }
  }
  parentPort?.postMessage(answer, 'bytes' in answer ? [answer.bytes.buffer as ArrayBuffer] : [])
})
