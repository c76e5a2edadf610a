/**
 * GitHub's own workflow parser, loaded so that Node takes it. The package imports its schema without saying that it is
 * JSON. Loaders that do not mind take it as it is; for Node, which refuses, a hook says it while the package is loaded.
 */
import { registerHooks } from 'node:module'
import type * as WorkflowParser from '@actions/workflow-parser'

const load = (): Promise<typeof WorkflowParser> => import('@actions/workflow-parser')

async function loadWithHook(): Promise<typeof WorkflowParser> {
  const hooks = registerHooks({
    load: (url, context, nextLoad) =>
      url.endsWith('.json')
        ? nextLoad(url, { ...context, importAttributes: { ...context.importAttributes, type: 'json' } })
        : nextLoad(url, context),
  })
  try {
    return await load()
  } finally {
    hooks.deregister()
  }
}

const parser = await load().catch(loadWithHook)

export const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = parser
export const { isBasicExpression, isLiteral, isMapping, isSequence } = parser
