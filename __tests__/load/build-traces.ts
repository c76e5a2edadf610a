/** Which requests to the local Azure belong to which build: written down while the builds run. */
import type { LocalAzure } from '../../local-azure/index.ts'
import type { Exchange, Resource, World } from '../../local-azure/world.ts'

/** One build, as the local Azure saw it. */
export interface BuildTrace {
  template: string
  /** When its run began and ended, in milliseconds since the epoch; NaN when it did not. */
  runFrom: number
  runTo: number
  /** Main's requests to Resource Manager, and those for the blobs of the build's own storage account. */
  exchanges: Exchange[]
}

/** Writes down from now on. Returns the function that ends it and tells. */
export function traceBuilds({ world }: LocalAzure): () => BuildTrace[] {
  const seen: Exchange[] = []
  const builds = new Map<string, { template: Resource; caller: string | undefined }>()
  const templateOfAccount = new Map<string, string | undefined>()
  const unwatch = world.watch((exchange) => {
    seen.push(exchange)
    const { service, method, target, status, caller } = exchange
    const [id = ''] = target.split('?')
    const template = world.resources.get(id)
    if (method === 'PUT' && status === 201 && template) builds.set(template.name, { template, caller })
    const account = service === 'blob' ? accountIn(target) : undefined
    if (account !== undefined && !templateOfAccount.has(account))
      templateOfAccount.set(account, templateWith(world, account))
  })
  return () => {
    unwatch()
    return [...builds].map(([name, { template, caller }]) => ({
      template: name,
      runFrom: seen.find(({ target }) => target.includes(`/${name}/run?`))?.at ?? NaN,
      runTo: Date.parse(lastRunOf(template)),
      exchanges: seen.filter((one) =>
        one.service === 'blob'
          ? templateOfAccount.get(accountIn(one.target)) === name
          : one.caller !== undefined && one.caller === caller,
      ),
    }))
  }
}

function accountIn(target: string): string {
  return target.split(/[/?]/)[1] ?? ''
}

/** The template whose staging group holds a storage account. */
function templateWith(world: World, account: string): string | undefined {
  const found = world.resources.list('Microsoft.Storage/storageAccounts').find(({ name }) => name === account)
  const [group] = found?.id.split('/providers/') ?? []
  return world.resources.get(group ?? '')?.tags?.['imageTemplateName']
}

function lastRunOf({ properties }: Resource): string {
  return (properties['lastRunStatus'] as { endTime?: string } | undefined)?.endTime ?? ''
}
