/** Wires the Azure edge: one credential and one Resource Manager client for everything. */
import type { Azure, Clock, Connection } from '../ports.ts'
import { VERSION } from '../version.ts'
import { ResourceManager } from './arm.ts'
import { createCredential, type CredentialEdges } from './credential.ts'
import { ImageBuilder } from './image-builder.ts'
import { lookUp } from './lookups.ts'
import { ArtifactStore } from './storage.ts'

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
  return {
    lookUp: (request, signal) => lookUp(arm, request, signal),
    artifactStore: (account) => new ArtifactStore(account, { ...edges, arm, credential }),
    imageBuilder: new ImageBuilder(arm, edges.clock, pollIntervalSeconds * 1000, edges.notice),
  }
}
