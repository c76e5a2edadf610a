/** Tokens for Azure: by OIDC without any stored secret, or from what the runner is signed in to already. */
import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth'
import {
  AzureCliCredential,
  ChainedTokenCredential,
  ClientAssertionCredential,
  ManagedIdentityCredential,
} from '@azure/identity'
import { signInFailure } from '../diagnosis.ts'
import { SignInError } from '../errors.ts'
import type { SignIn } from '../sign-in.ts'

export interface CredentialEdges {
  /** Asks GitHub for a fresh ID token with this audience. */
  idToken: (audience: string) => Promise<string>
  /** Registers a value that must never be printed. */
  mask: (secret: string) => void
}

/**
 * A credential that asks GitHub for a new ID token each time Entra is asked: an ID token lives for minutes, a
 * build for hours. Every access token is masked before anyone sees it; every failure is a SignInError.
 */
export function createCredential(signIn: SignIn, edges: CredentialEdges): TokenCredential {
  let lastAssertion = ''
  const assertion = async (): Promise<string> => (lastAssertion = await edges.idToken(signIn.audience))
  const inner =
    signIn.clientId === undefined ? ambient(signIn) : federated(signIn, signIn.clientId, assertion)
  return {
    async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken> {
      try {
        const token = await orAborted(inner.getToken(scopes, options), options?.abortSignal)
        if (!token) throw new Error('no token was returned')
        edges.mask(token.token)
        return token
      } catch (error) {
        if (options?.abortSignal?.aborted) throw error
        throw new SignInError(signInFailure(String(error), lastAssertion), { cause: error })
      }
    },
  }
}

/** Neither the toolkit nor MSAL gives up waiting for an answer when a signal says so. */
async function orAborted<T>(work: Promise<T>, signal: GetTokenOptions['abortSignal']): Promise<T> {
  if (!signal) return await work
  const aborted = new Promise<never>((_, reject) => {
    const giveUp = (): void => {
      reject(new Error('The sign-in was given up.'))
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
  })
  return await Promise.race([work, aborted])
}

function federated(
  { tenantId, cloud }: SignIn,
  clientId: string,
  assertion: () => Promise<string>,
): TokenCredential {
  return new ClientAssertionCredential(tenantId ?? '', clientId, assertion, {
    authorityHost: cloud.authority,
    disableInstanceDiscovery: !cloud.knownAuthority,
  })
}

/** The Azure CLI session of an earlier login step, else the managed identity of a self-hosted runner. */
function ambient({ tenantId }: SignIn): TokenCredential {
  return new ChainedTokenCredential(
    new AzureCliCredential(tenantId === undefined ? {} : { tenantId }),
    new ManagedIdentityCredential(),
  )
}
