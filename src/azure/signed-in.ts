/** What every edge speaks through: one credential and one Resource Manager client. */
import type { SignIn } from '../sign-in.ts'
import { VERSION } from '../version.ts'
import { ResourceManager } from './arm.ts'
import type { BlobEdges } from './blob-access.ts'
import { createCredential, type CredentialEdges } from './credential.ts'

export interface ConnectEdges extends CredentialEdges {
  debug: (message: string) => void
  notice: (message: string) => void
}

/** Resource Manager and Blob Storage by one credential. Nothing is asked of Azure or GitHub until the first call. */
export function signedIn(signIn: SignIn, edges: ConnectEdges): ConnectEdges & BlobEdges {
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
