/** Wires the Azure edge of a build: one credential and one Resource Manager client for everything. */
import type { Azure, Connection } from '../ports.ts'
import { BuildLog } from './build-log.ts'
import { earlierBuilds } from './earlier-builds.ts'
import { findTemplate } from './existing-template.ts'
import { GalleryVersions } from './gallery-version.ts'
import { ImageBuilder } from './image-builder.ts'
import { lookUp } from './lookups.ts'
import { registerProviders } from './providers.ts'
import { Reader } from './reader.ts'
import { signedIn, type ConnectEdges } from './signed-in.ts'
import { ArtifactStore } from './storage.ts'
import { imageTemplates, imageVersions, managedImage } from './unchanged.ts'

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
    gallery: new GalleryVersions(arm, edges.debug),
    imageVersions: (definitionId, signal) => imageVersions(reader(signal), definitionId),
    managedImage: (id, signal) => managedImage(reader(signal), id),
    templates: (request, signal) => imageTemplates(reader(signal), request),
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
