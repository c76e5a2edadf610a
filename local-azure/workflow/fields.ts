/** Looks into parsed parts of a workflow. */
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { isLiteral, isMapping, isSequence } from './parser.ts'

/** Keys of a mapping, in the file's order. */
export type Fields = Map<string, TemplateToken>

/** The keys of a mapping; none for anything else. */
export function fieldsOf(token: TemplateToken | undefined): Fields {
  if (!token || !isMapping(token)) return new Map()
  return new Map([...token].map(({ key, value }) => [key.toString(), value]))
}

export function itemsOf(token: TemplateToken | undefined): TemplateToken[] {
  return token && isSequence(token) ? [...token] : []
}

/** The text of a plain scalar; undefined where there is none, or more than that. */
export function literalOf(token: TemplateToken | undefined): string | undefined {
  return token && isLiteral(token) && 'value' in token ? String(token.value) : undefined
}
