/** PowerShell as text: a parser (no PowerShell is needed) and the reading of its string literals. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import type * as TreeSitter from '@vscode/tree-sitter-wasm'

const require = createRequire(import.meta.url)
// A CommonJS bundle whose exports an `import` does not see.
const { Language, Parser } = require('@vscode/tree-sitter-wasm') as typeof TreeSitter
const GRAMMAR = '@vscode/tree-sitter-wasm/wasm/tree-sitter-powershell.wasm'

// The parser's code made anew, to run faster, takes seconds of the processor and saves none.
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag)
await Parser.init()
const parser = new Parser().setLanguage(await Language.load(require.resolve(GRAMMAR)))

/** What is no PowerShell in `script`, as text; empty for a script without mistakes. */
export function syntaxErrors(script: string): string[] {
  return nodes(script, (node) => node.isError || node.isMissing).map(({ type, text }) => `${type}: ${text}`)
}

/** The values of all strings of the action in `script`: single-quoted, or behind `[regex]::Unescape`. */
export function values(script: string): string[] {
  return nodes(script, ({ type }) => type === 'verbatim_string_characters').map(({ text, startIndex }) => {
    const value = verbatimValue(text)
    return script.slice(0, startIndex).endsWith('[regex]::Unescape(') ? unescapeRegex(value) : value
  })
}

function nodes(script: string, wanted: (node: TreeSitter.Node) => boolean): TreeSitter.Node[] {
  const tree = parser.parse(script)
  if (!tree) throw new Error('The parser gave no tree.')
  const collect = (node: TreeSitter.Node): TreeSitter.Node[] => [
    ...(wanted(node) ? [node] : []),
    ...node.children.flatMap((child) => (child ? collect(child) : [])),
  ]
  return collect(tree.rootNode)
}

/** PowerShell takes each of these for a single quotation mark (about_Quoting_Rules and the language's tokenizer). */
const QUOTES = "'\u2018\u2019\u201a\u201b"
const VERBATIM = new RegExp(`^[${QUOTES}]((?:[^${QUOTES}]|[${QUOTES}]{2})*)[${QUOTES}]$`, 's')

/**
 * The value of a single-quoted string, in which two quotation marks stand for one.
 * @throws when `literal` is not exactly one such string
 */
function verbatimValue(literal: string): string {
  const inner = VERBATIM.exec(literal)?.[1]
  if (inner === undefined) throw new Error(`Not one single-quoted string: ${literal}`)
  return inner.replaceAll(new RegExp(`[${QUOTES}]([${QUOTES}])`, 'g'), '$1')
}

/** .NET's Regex.Unescape, of what the action writes: `\\uXXXX` and escaped backslashes. */
function unescapeRegex(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-f]{4})|(.))/gis, (_, code: string | undefined, mark: string) =>
    code === undefined ? mark : String.fromCharCode(parseInt(code, 16)),
  )
}
