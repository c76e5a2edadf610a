/** What a Resource Manager path says by itself: subscription, group, namespace, type, and the scope of rights. */

export interface ArmPath {
  subscription: string | undefined
  resourceGroup: string | undefined
  /** Whether the path names something below a resource group, not the group itself. */
  belowGroup: boolean
  namespace: string | undefined
  /** Types below the namespace, such as `galleries/images/versions`; empty when the path ends before. */
  type: string
  /** Names as asked for, joined as Resource Manager's texts do: `galleries/contoso/images/webapp`. */
  typesAndNames: string
  /**
   * Where the caller needs the right: the resource; for a list what holds it; for an action (the last segment
   * of a POST) what it acts on. A bare `/providers/{namespace}` is no scope: its subscription is.
   */
  scope: string
}

/** Takes a path apart. Resource Manager's paths are pairs of kind and name, the last name missing in lists. */
export function parseArmPath(method: string, pathname: string): ArmPath {
  const segments = decodeURIComponent(pathname).split('/').filter(Boolean)
  const named = method === 'POST' ? segments.slice(0, -1) : segments
  const provider = named.findLastIndex((segment, i) => i % 2 === 0 && segment.toLowerCase() === 'providers')
  const tail = provider < 0 ? [] : named.slice(provider + 2)
  const group = valueOf(named, 'resourcegroups')
  return {
    subscription: valueOf(named, 'subscriptions'),
    resourceGroup: group,
    belowGroup: group !== undefined && segments.length > 4,
    namespace: provider < 0 ? undefined : named[provider + 1],
    type: tail.filter((_, i) => i % 2 === 0).join('/'),
    typesAndNames: tail.join('/'),
    scope: scopeOf(named),
  }
}

function valueOf(segments: string[], kind: string): string | undefined {
  const at = segments.findIndex((segment, i) => i % 2 === 0 && segment.toLowerCase() === kind)
  return at < 0 ? undefined : segments[at + 1]
}

function scopeOf(segments: string[]): string {
  const pairs = segments.length % 2 === 0 ? segments : segments.slice(0, -1)
  const bareProvider = pairs.at(-2)?.toLowerCase() === 'providers'
  return `/${(bareProvider ? pairs.slice(0, -2) : pairs).join('/')}`
}
