/** Wires the Azure edge: one credential and one Resource Manager client for everything. */
import type { Azure, Clock, Connection } from '../ports.ts'
import { VERSION } from '../version.ts'
import { ResourceManager } from './arm.ts'
import { BuildLog } from './build-log.ts'
import { createCredential, type CredentialEdges } from './credential.ts'
import { earlierBuilds } from './earlier-builds.ts'
import { findTemplate } from './existing-template.ts'
import { ImageBuilder } from './image-builder.ts'
import { lookUp } from './lookups.ts'
import { registerProviders } from './providers.ts'
import { Reader } from './reader.ts'
import { ArtifactStore } from './storage.ts'
import { findImages, findRunning } from './unchanged.ts'

export interface ConnectEdges extends CredentialEdges {
  clock: Clock
  debug: (message: string) => void
  notice: (message: string) => void
}

/** Nothing is asked of Azure or GitHub until the first call. */
export function connect({ signIn, pollIntervalSeconds }: Connection, edges: ConnectEdges): Azure {
  const credential = createCredential(signIn, edges)
  const arm = new ResourceManager({
    endpoint: signIn.cloud.resourceManager,
    scope: signIn.cloud.resourceManagerScope,
    credential,
    userAgent: `aib-action/${VERSION}`,
    debug: edges.debug,
  })
  const log = new BuildLog({ ...edges, arm, credential })
  const reader = (signal: AbortSignal): Reader => new Reader(arm, edges.debug, signal)
  const imageBuilder = new ImageBuilder(arm, edges.clock, pollIntervalSeconds * 1000, edges.notice)
  return {
    lookUp: (request, signal) => lookUp(reader(signal), request),
    findTemplate: (request, signal) => findTemplate(reader(signal), request),
    findImages: (request, key, signal) => findImages(reader(signal), request, key),
    findRunning: (request, key, signal) => findRunning(reader(signal), request, key),
    earlierBuilds: (request, signal) => earlierBuilds(reader(signal), request),
    registerProviders: ({ subscriptionId }, onRegister, signal) =>
      registerProviders(reader(signal), subscriptionId, { arm, clock: edges.clock, onRegister }, signal),
    artifactStore: (account) => new ArtifactStore(account, { ...edges, arm, credential }),
    imageBuilder,
    buildLog: {
      follow: (group, since, take, signal) =>
        log.follow(group, since, take, pollIntervalSeconds * 1000, signal),
      fetch: (group, runMessage, since, read) => log.fetch(group, runMessage, since, read),
    },
  }
}
