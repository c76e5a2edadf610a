import { createHash } from 'node:crypto'
import { stripTypeScriptTypes } from 'node:module'

/**
 * Jest transform: Node's own type stripping, the same that runs the local Azure and the scripts.
 * Types become blanks, so lines and columns in stack traces stay true without source maps.
 */
export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
  getCacheKey: (source) => createHash('sha256').update(process.version).update(source).digest('hex'),
}
