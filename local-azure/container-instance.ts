/**
 * `Microsoft.ContainerInstance` as far as Image Builder shows itself there: while a run works, Packer's container
 * group stands in the staging group, and its log is the build's live log (documented). Shapes: specification.
 */
import { randomInt } from 'node:crypto'
import { ArmError, type ArmRequest, type ArmRoute } from './arm.ts'
import * as refuse from './resource-manager/errors.ts'
import { page, readable } from './resource-manager/lists.ts'
import { parseArmPath } from './resource-manager/paths.ts'
import type { Reply } from './server.ts'
import type { Resource, World } from './world.ts'

export const CONTAINER_GROUP_TYPE = 'Microsoft.ContainerInstance/containerGroups'
/** Documented; older ones are refused here. */
const apiVersions = [
  '2025-09-01',
  '2023-05-01',
  '2022-09-01',
  '2021-10-01',
  '2021-09-01',
  '2021-07-01',
  '2021-03-01',
  '2019-12-01',
  '2018-10-01',
]
/** Documented: "up to 4mb". That it is the end of the log, cut without regard to lines, is assumed. */
const LOG_BYTES = 4 * 1024 * 1024
/** Of Packer's container: assumed, no public source tells it. Clients read it from the group. */
const CONTAINER = 'packer'

/** One line that a container printed. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  at: number
  text: string
}

/** Packer's container group, as the run of a template handles it. */
export interface BuildContainer {
  /** The container runs from now on: its log can be read. Once more, and it is started anew, with a new log. */
  start: () => void
  /** The group goes; once more does no harm. */
  remove: () => void
}

/** What containers have printed so far, by their group. Absent: the container has not started. */
const logs = new WeakMap<Resource, () => readonly LogLine[]>()

/** When container groups were made. */
const made = new WeakMap<World, number[]>()

/** How many were made since a time in milliseconds. */
export function containersMadeSince(world: World, time: number): number {
  return (made.get(world) ?? []).filter((at) => at >= time).length
}

/** Puts a group for Packer into a staging group (an ID). Its name: documented, its ten characters are any. */
export function putBuildContainer(
  world: World,
  build: { stagingGroup: string; location: string; log: () => readonly LogLine[] },
): BuildContainer {
  const name = `vmimagebuilder-build-container-${randomName(10)}`
  made.set(world, [...(made.get(world) ?? []), world.now()])
  const group = world.resources.put({
    id: `${build.stagingGroup}/providers/${CONTAINER_GROUP_TYPE}/${name}`,
    name,
    type: CONTAINER_GROUP_TYPE,
    location: build.location,
    tags: {},
    properties: groupProperties('Pending', { state: 'Waiting', detailStatus: '' }),
  })
  let starts = 0
  return {
    start: () => {
      const before = starts === 0 ? 0 : build.log().length
      logs.set(group, () => build.log().slice(before))
      const currentState = {
        state: 'Running',
        startTime: new Date(world.now()).toISOString(),
        detailStatus: '',
      }
      group.properties = groupProperties('Running', currentState, starts)
      starts += 1
    },
    remove: () => {
      world.resources.delete(group.id)
    },
  }
}

/** Four cores: documented for builds; image and memory are assumed. */
function groupProperties(
  state: 'Pending' | 'Running',
  currentState: object,
  restartCount = 0,
): Record<string, unknown> {
  const properties = {
    command: [],
    environmentVariables: [],
    image: 'mcr.microsoft.com/azurevmimagebuilder/packer',
    ports: [],
    resources: { requests: { cpu: 4, memoryInGB: 8 } },
    instanceView: { restartCount, currentState, events: [] },
  }
  return {
    sku: 'Standard',
    provisioningState: state === 'Running' ? 'Succeeded' : 'Creating',
    containers: [{ name: CONTAINER, properties }],
    restartPolicy: 'Never',
    osType: 'Linux',
    instanceView: { events: [], state },
  }
}

export function containerInstanceRoutes(world: World): ArmRoute[] {
  const subscription = '/subscriptions/{subscription}'
  const inGroup = `${subscription}/resourceGroups/{group}/providers/${CONTAINER_GROUP_TYPE}`
  const get = { method: 'GET', apiVersions, action: `${CONTAINER_GROUP_TYPE}/read` } as const
  const list = (request: ArmRequest): Reply => {
    const { scope } = parseArmPath(request.method, request.url.pathname)
    const { action } = get
    return page(request, readable(world, request, { type: CONTAINER_GROUP_TYPE, scope, action }))
  }
  return [
    {
      ...get,
      path: `${subscription}/providers/${CONTAINER_GROUP_TYPE}`,
      authorize: 'readable',
      handle: list,
    },
    // Without the right on the group a refusal, not an empty list (assumed from messages that users report).
    { ...get, path: inGroup, handle: list },
    {
      ...get,
      path: `${inGroup}/{name}`,
      handle: (request) => ({ status: 200, body: existing(world, request) }),
    },
    {
      ...get,
      path: `${inGroup}/{name}/containers/{container}/logs`,
      action: `${CONTAINER_GROUP_TYPE}/containers/logs/read`,
      handle: (request) => ({ status: 200, body: { content: content(request, logOf(world, request)) } }),
    },
  ]
}

function existing(world: World, request: ArmRequest): Resource {
  const path = parseArmPath(request.method, request.url.pathname)
  const scope = path.scope.replace(/\/containers\/[^/]+$/i, '')
  const group = world.resources.get(scope)
  if (group) return group
  throw refuse.resourceNotFound({ ...path, typesAndNames: scope.split('/').slice(-2).join('/') })
}

function logOf(world: World, request: ArmRequest): readonly LogLine[] {
  const group = existing(world, request)
  const { container = '' } = request.params
  // Its code and text are assumed.
  if (container !== CONTAINER)
    throw new ArmError(
      404,
      'ContainerNotFound',
      `Container '${container}' was not found in container group '${group.name}'.`,
    )
  const log = logs.get(group)
  // Reported (virtual-kubelet#237). While a group is being made, 409 ContainerGroupTransitioning is reported as well.
  if (!log)
    throw new ArmError(
      404,
      'ContainerLogNotAvailable',
      `Log of container '${container}' in container group '${group.name}' is not available yet. Please check ` +
        "container 'InstanceView' for more information or retry later.",
    )
  return log()
}

/** `tail` and `timestamps`: documented; the form of a timestamp is assumed. */
function content({ url }: ArmRequest, lines: readonly LogLine[]): string {
  const tail = Number(url.searchParams.get('tail') ?? lines.length)
  const stamped = url.searchParams.get('timestamps')?.toLowerCase() === 'true'
  const text = lines
    .slice(Math.max(0, lines.length - tail))
    .map((line) => `${stamped ? `${new Date(line.at).toISOString()} ` : ''}${line.text}\n`)
    .join('')
  const bytes = Buffer.from(text)
  return bytes.length > LOG_BYTES ? bytes.subarray(-LOG_BYTES).toString() : text
}

function randomName(length: number): string {
  return Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz0123456789'[randomInt(36)]).join('')
}
