/** Wires the Azure edge: one credential and one Resource Manager client for everything. */
import type { Azure, Connection } from '../ports.ts'
import type { SweeperPort } from '../sweeper.ts'
import { VERSION } from '../version.ts'
import type { SignIn } from '../sign-in.ts'
import { ResourceManager } from './arm.ts'
import type { BlobEdges } from './blob-access.ts'
import { BuildLog } from './build-log.ts'
import { createCredential, type CredentialEdges } from './credential.ts'
import { earlierBuilds } from './earlier-builds.ts'
import { findTemplate } from './existing-template.ts'
import { ImageBuilder } from './image-builder.ts'
import { Leftovers } from './leftovers.ts'
import { lookUp } from './lookups.ts'
import { registerProviders } from './providers.ts'
import { Reader } from './reader.ts'
import { ArtifactStore } from './storage.ts'
import { findImages, findRunning } from './unchanged.ts'

export interface ConnectEdges extends CredentialEdges {
  debug: (message: string) => void
  notice: (message: string) => void
}

/** Azure as a build sees it. Nothing is asked of Azure or GitHub until the first call. */
export function connect({ signIn, pollIntervalSeconds }: Connection, edges: ConnectEdges): Azure {
  const blobEdges = signedIn(signIn, edges)
  const { arm } = blobEdges
  const log = new BuildLog(blobEdges)
  const reader = (signal: AbortSignal): Reader => new Reader(arm, edges.debug, signal)
  const imageBuilder = new ImageBuilder(arm, edges, pollIntervalSeconds * 1000)
  return {
    lookUp: (request, signal) => lookUp(reader(signal), request),
    findTemplate: (request, signal) => findTemplate(reader(signal), request),
    findImages: (request, key, signal) => findImages(reader(signal), request, key),
    findRunning: (request, key, signal) => findRunning(reader(signal), request, key),
    earlierBuilds: (request, signal) => earlierBuilds(reader(signal), request),
    registerProviders: ({ subscriptionId }, onRegister, signal) =>
      registerProviders(reader(signal), subscriptionId, { arm, clock: edges.clock, onRegister }, signal),
    artifactStore: (account) => new ArtifactStore(account, blobEdges),
    imageBuilder,
    buildLog: {
      follow: (group, since, take, signal) =>
        log.follow(group, since, take, pollIntervalSeconds * 1000, signal),
      fetch: (group, runMessage, since, read) => log.fetch(group, runMessage, since, read),
    },
  }
}

/** Azure as a sweep sees it. Nothing is asked of Azure or GitHub until the first call. */
export function connectSweeper({ signIn }: Pick<Connection, 'signIn'>, edges: ConnectEdges): SweeperPort {
  return new Leftovers(signedIn(signIn, edges))
}

/** Resource Manager and Blob Storage by one credential. */
function signedIn(signIn: SignIn, edges: ConnectEdges): ConnectEdges & BlobEdges {
  const { cloud } = signIn
  const credential = createCredential(signIn, edges)
  const arm = new ResourceManager({
    endpoint: cloud.resourceManager,
    scope: cloud.resourceManagerScope,
    credential,
    userAgent: `aib-action/${VERSION}`,
    patience: edges.patience,
  })
  return { ...edges, arm, credential, storageScope: cloud.storageScope }
}
