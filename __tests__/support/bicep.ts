/**
 * Bicep as text: a grammar (no compiler is needed) for its mistakes and its names; `bicep-deployment.ts` beside it works
 * out what a file deploys. The grammar gets the tokens right, but not how tightly `=>` and `!` bind, so that nothing
 * here relies on it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type * as TreeSitter from '@vscode/tree-sitter-wasm'

export type Node = TreeSitter.Node

const require = createRequire(import.meta.url)
// A CommonJS bundle whose exports an `import` does not see.
const { Language, Parser } = require('@vscode/tree-sitter-wasm') as typeof TreeSitter

await Parser.init()
const grammar = require.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm')
const parser = new Parser().setLanguage(await Language.load(grammar))

/** Functions of Bicep that the set-up calls, as learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions lists them. */
export const FUNCTIONS: readonly string[] = [
  ...['concat', 'contains', 'empty', 'filter', 'join', 'length', 'map', 'range', 'take'],
  ...['guid', 'replace', 'split', 'substring', 'toLower', 'loadJsonContent'],
  ...['resourceGroup', 'subscription', 'subscriptionResourceId'],
]
const DECORATORS = ['allowed', 'batchSize', 'description', 'maxLength', 'minLength', 'minValue', 'maxValue']
const DECLARATION =
  /^(?:(?:parameter|variable|resource|module|output|type|metadata)_declaration|user_defined_function)$/

export interface Declaration {
  kind: string
  name: string
  node: Node
}

/** The tree of a Bicep file's text. */
export function parse(text: string): Node {
  const tree = parser.parse(text)
  if (!tree) throw new Error('The parser gave no tree.')
  return tree.rootNode
}

/** What is no Bicep in `text`, as text; empty for a file without mistakes. */
export function syntaxErrors(text: string): string[] {
  return descendants(parse(text))
    .filter((node) => node.isError || node.isMissing)
    .map((node) => `line ${node.startPosition.row + 1}: ${node.type}: ${node.text}`)
}

/** Children that stand in the tree. */
export function children(node: Node): Node[] {
  return node.children.filter((child) => child !== null)
}

/** A node and everything below it, in the order of the text. */
export function descendants(node: Node): Node[] {
  return [node, ...children(node).flatMap(descendants)]
}

/** What a file declares, in its order. */
export function declarations(root: Node): Declaration[] {
  return children(root)
    .filter(({ type }) => DECLARATION.test(type))
    .map((node) => ({
      kind: node.type.replace(/_declaration$/, ''),
      name: children(node).find(({ type }) => type === 'identifier')?.text ?? '',
      node,
    }))
}

/** Names that are used and that nothing in the file declares, nor Bicep; and declared ones that nothing uses. */
export function strayNames(text: string): string[] {
  const root = parse(text)
  const declared = declarations(root)
  const used = uses(root, declared)
  const known = new Set([
    ...FUNCTIONS,
    ...DECORATORS,
    ...localNames(root),
    ...declared.map(({ name }) => name),
  ])
  const unknown = [...new Set(used)].filter((name) => !known.has(name))
  const unused = declared.filter(({ kind, name }) => !DEPLOYED.includes(kind) && !used.includes(name))
  return [
    ...unknown.map((name) => `${name} is not declared`),
    ...unused.map(({ name }) => `${name} is not used`),
  ]
}

/** These do something by standing there. */
const DEPLOYED = ['resource', 'module', 'output', 'metadata']

/** Every identifier that is neither a key nor the name in its own declaration. */
function uses(root: Node, declared: readonly Declaration[]): string[] {
  const names = new Set(declared.map(({ node }) => children(node).find(isIdentifier)?.id))
  return descendants(root)
    .filter((node) => isIdentifier(node) && !isKey(node) && !names.has(node.id))
    .map(({ text }) => text)
}

/** Parameters of lambdas and functions, and what loops count with. */
function localNames(root: Node): string[] {
  return descendants(root).flatMap((node) => {
    if (node.type === 'parameter' || node.type === 'for_statement') {
      return children(node)
        .filter(isIdentifier)
        .slice(0, 1)
        .map(({ text }) => text)
    }
    if (node.type === 'loop_variable' || node.type === 'loop_enumerator') return [node.text]
    return node.type === 'lambda_expression' ? [children(node)[0]?.text ?? ''] : []
  })
}

function isIdentifier(node: Node): boolean {
  return node.type === 'identifier'
}

function isKey(node: Node): boolean {
  return node.parent?.type === 'object_property' && children(node.parent)[0]?.id === node.id
}

/** Types of resources with their versions, such as `Microsoft.Compute/galleries@2023-07-03`, each once. */
export function resourceTypes(text: string): string[] {
  const resources = declarations(parse(text)).filter(({ kind }) => kind === 'resource')
  return [...new Set(resources.map(({ node }) => literalOf(node)))]
}

/** Files that a file names, as modules or to be loaded, which do not exist; relative to `folder`. */
export function missingFiles(text: string, folder: string): string[] {
  const root = parse(text)
  const modules = declarations(root).filter(({ kind }) => kind === 'module')
  const loads = [...text.matchAll(/loadJsonContent\('([^']*)'\)/g)].map((match) => match[1] ?? '')
  return [...modules.map(({ node }) => literalOf(node)), ...loads].filter(
    (file) => !existsSync(path.join(folder, file)),
  )
}

/** The first string below a node, without its quotation marks. */
export function literalOf(node: Node): string {
  return (children(node).find(({ type }) => type === 'string')?.text ?? '').slice(1, -1)
}

/** A file's text. */
export function read(file: string): string {
  return readFileSync(file, 'utf8')
}
