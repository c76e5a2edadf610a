/** Tokens for Azure: by OIDC without any stored secret, or from what the runner is signed in to already. */
import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth'
import type {
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  SendRequest,
} from '@azure/core-rest-pipeline'
import {
  AzureCliCredential,
  ChainedTokenCredential,
  ClientAssertionCredential,
  ManagedIdentityCredential,
} from '@azure/identity'
import { signInFailure } from '../diagnosis.ts'
import { messageOf, SignInError } from '../errors.ts'
import {
  retryAfter,
  SilentConnection,
  troubleOf,
  unlessAborted,
  type Patience,
  type Trouble,
} from '../patience.ts'
import type { Clock } from '../ports.ts'
import type { SignIn } from '../sign-in.ts'

export interface CredentialEdges {
  /** Asks GitHub for a fresh ID token with this audience. */
  idToken: (audience: string) => Promise<string>
  /** Registers a value that must never be printed. */
  mask: (secret: string) => void
  clock: Clock
  patience: Patience
}

/** Tokens are used again until shortly before their end; after a refusal they are not. */
export interface Credential extends TokenCredential {
  getToken: (scopes: string | string[], options?: GetTokenOptions) => Promise<AccessToken>
  /** What was given out so far is not given out again. */
  forget: () => void
}

/** A token is renewed so long before its end, or in the last half of a shorter life. */
const RENEWAL_MS = 2 * 60_000
/** How long GitHub and Entra ID together may take for one token. */
const SIGN_IN_MS = 60_000

/**
 * A credential that asks GitHub for a new ID token each time Entra is asked: an ID token lives for minutes, a
 * build for hours. Every access token is masked before anyone sees it; every failure is a SignInError.
 */
export function createCredential(signIn: SignIn, edges: CredentialEdges): Credential {
  const { clock, patience } = edges
  const kept = new Map<string, { token: Promise<AccessToken>; until: number }>()

  const signInFor = async (scope: string): Promise<AccessToken> => {
    let attempt: SignInAttempt | undefined
    try {
      const token = await patience.persist('signing in', () => {
        // A new one each time: the library keeps a refusal, and answers with it for a minute.
        attempt = new SignInAttempt(signIn, edges)
        return attempt.token(scope)
      })
      edges.mask(token.token)
      return token
    } catch (error) {
      throw new SignInError(signInFailure(String(error), attempt?.assertion ?? ''), { cause: error })
    }
  }

  /** For all who ask meanwhile, none of whom can give it up for the others. */
  const renew = (scope: string): Promise<AccessToken> => {
    const entry = { token: signInFor(scope), until: Infinity }
    kept.set(scope, entry)
    entry.token.then(
      ({ expiresOnTimestamp: end }) => (entry.until = end - Math.min(RENEWAL_MS, (end - clock.now()) / 2)),
      () => kept.get(scope) === entry && kept.delete(scope),
    )
    return entry.token
  }

  return {
    async getToken(scopes, options) {
      const scope = String(scopes)
      const found = kept.get(scope)
      const token = found && clock.now() < found.until ? found.token : renew(scope)
      return await unlessAborted(token, options?.abortSignal as AbortSignal | undefined)
    },
    forget: () => {
      kept.clear()
    },
  }
}

/** Entra ID has a bad moment (its list of error codes), whatever the HTTP status. */
const PASSING = /\bAADSTS(?:90024|90025|90033)\b|temporarily_unavailable/
/** The ID token ran out on its way. */
const STALE = /\bAADSTS700024\b/

/** One try to sign in: one ID token of GitHub, one request for a token of Entra. */
class SignInAttempt {
  /** The ID token that was presented; '' when there was none. */
  assertion = ''
  private readonly patience: Patience
  private readonly inner: TokenCredential
  private asked: Promise<string> | undefined
  /** What went wrong at the network's edge: the libraries keep it to themselves. */
  private trouble: Trouble | undefined
  private cause: unknown

  constructor(signIn: SignIn, { idToken, patience }: CredentialEdges) {
    this.patience = patience
    // The library asks for it twice.
    const assertion = (): Promise<string> => (this.asked ??= this.ask(() => idToken(signIn.audience)))
    const watch = { name: 'watch', sendRequest: this.watched.bind(this) }
    this.inner =
      signIn.clientId === undefined ? ambient(signIn) : federated(signIn, signIn.clientId, assertion, watch)
  }

  async token(scope: string): Promise<AccessToken> {
    try {
      const token = await this.patience.heard((abortSignal) => this.inner.getToken(scope, { abortSignal }), {
        silence: SIGN_IN_MS,
      })
      if (!token) throw new Error('no token was returned')
      return token
    } catch (error) {
      throw this.told(error)
    }
  }

  private async ask(idToken: () => Promise<string>): Promise<string> {
    try {
      return (this.assertion = await idToken())
    } catch (error) {
      this.trouble = troubleOf(error)
      this.cause = error
      throw error
    }
  }

  private async watched(request: PipelineRequest, next: SendRequest): Promise<PipelineResponse> {
    try {
      const response = await next(request)
      const { status, headers } = response
      const retryAfterMs = retryAfter(headers.get('retry-after'))
      // 401 is a refusal here: no token was sent.
      const falters = status !== 401
      this.trouble = falters ? troubleOf(Object.assign(new Error(), { status, retryAfterMs })) : undefined
      this.cause = this.trouble && new Error(`Entra ID answered HTTP ${status}`)
      return response
    } catch (error) {
      this.trouble = troubleOf(error)
      this.cause = error
      throw error
    }
  }

  /** The failure with what is known of its cause, and whether another try is worth it. */
  private told(error: unknown): Error {
    if (error instanceof SilentConnection) return error
    // The library's own words for what it did not understand say nothing.
    const unheard = /network_error|endpoints_resolution_error/.test(String(error)) && this.cause !== undefined
    const text = unheard ? messageOf(this.cause) : String(error)
    const trouble: Trouble | undefined = STALE.test(text)
      ? { kind: 'stale-token' }
      : PASSING.test(text)
        ? { kind: 'unclear', ...this.trouble }
        : this.trouble
    return Object.assign(new Error(text, { cause: unheard ? this.cause : error }), { trouble })
  }
}

function federated(
  { tenantId, cloud }: SignIn,
  clientId: string,
  assertion: () => Promise<string>,
  watch: PipelinePolicy,
): TokenCredential {
  return new ClientAssertionCredential(tenantId ?? '', clientId, assertion, {
    authorityHost: cloud.authority,
    disableInstanceDiscovery: !cloud.knownAuthority,
    // Tries are counted by the one policy for all calls.
    retryOptions: { maxRetries: 0 },
    additionalPolicies: [{ policy: watch, position: 'perRetry' }],
  })
}

/** The Azure CLI session of an earlier login step, else the managed identity of a self-hosted runner. */
function ambient({ tenantId }: SignIn): TokenCredential {
  return new ChainedTokenCredential(
    new AzureCliCredential(tenantId === undefined ? {} : { tenantId }),
    new ManagedIdentityCredential(),
  )
}
