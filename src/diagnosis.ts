/** What a failure means and what to do about it, from the codes and words that Azure uses. */

const PERMISSIONS = `permissions:
  id-token: write
  contents: read`

const MISSING_PERMISSION = `GitHub gives this job no ID token. Add this to the job or to the workflow:

${PERMISSIONS}

A reusable workflow needs the same in the workflow that calls it. GitHub gives none to runs that a pull request from a fork or Dependabot started.`

const NO_TENANT = "The tenant was not found: check 'tenant-id' and 'environment'."

/** Entra's codes for refused federated sign-ins (service documentation), and what to do. */
const ENTRA_REMEDIES: { code: string; remedy: string }[] = [
  {
    code: 'AADSTS700213',
    remedy:
      'No federated credential of the application has this subject. Add one with exactly the subject below (see README, "What Azure needs"); repositories made since July 2026 have subjects with IDs in them.',
  },
  {
    code: 'AADSTS7002138',
    remedy: 'The subject of the federated credential differs from the one below in upper and lower case.',
  },
  { code: 'AADSTS700211', remedy: 'The issuer of the federated credential must be the issuer below.' },
  {
    code: 'AADSTS700212',
    remedy:
      "The audience of the federated credential must be the audience below; the input 'audience' sets what is asked for.",
  },
  {
    code: 'AADSTS70025',
    remedy:
      'The application has no federated credential. Add one with the issuer, subject and audience below.',
  },
  { code: 'AADSTS70021', remedy: 'No federated credential matches the issuer, subject and audience below.' },
  {
    code: 'AADSTS700024',
    remedy: "The ID token was not valid at Entra's time: check the clock of a self-hosted runner.",
  },
  {
    code: 'AADSTS700016',
    remedy: "The application was not found in this tenant: check 'client-id' and 'tenant-id'.",
  },
  { code: 'AADSTS90002', remedy: NO_TENANT },
]

/**
 * The message for a failed sign-in.
 * @param failure text of the failure as the libraries give it
 * @param assertion the ID token that was presented, or '' when GitHub gave none; only its public claims are shown
 */
export function signInFailure(failure: string, assertion: string): string {
  if (/ACTIONS_ID_TOKEN_REQUEST_(URL|TOKEN)/.test(failure)) return MISSING_PERMISSION
  const refusal = gitHubRefusal(failure)
  if (refusal !== undefined) return `GitHub gave no ID token to sign in with: ${refusal}`
  // MSAL keeps the answer to itself when it cannot read the authority's description.
  if (failure.includes('endpoints_resolution_error')) return `Entra ID refused the sign-in. ${NO_TENANT}`
  const aadsts = /AADSTS\d+/.exec(failure)?.[0]
  const known = ENTRA_REMEDIES.find(({ code }) => code === aadsts)
  if (known) {
    const words = /AADSTS\d+:[^\r\n]*?(?=\s+(?:Trace ID|- Correlation|Correlation ID)|[\r\n]|$)/.exec(
      failure,
    )?.[0]
    return `Entra ID refused the sign-in: ${words ?? known.code}\n${known.remedy}\n${presented(assertion)}`.trim()
  }
  if (
    aadsts === undefined &&
    /AzureCliCredential|ManagedIdentityCredential|ChainedTokenCredential/.test(failure)
  ) {
    return `No client-id was given and the runner is not signed in to Azure. Give client-id, tenant-id and subscription-id of an application with a federated credential, or put a login step before this one.\n${failure}`
  }
  return `Signing in to Azure failed: ${failure}`
}

function presented(assertion: string): string {
  const claims = publicClaims(assertion)
  return claims ? `Presented: issuer ${claims.iss}, subject ${claims.sub}, audience ${claims.aud}` : ''
}

/** What GitHub's endpoint for ID tokens answered, out of the toolkit's words of several lines; undefined for others. */
function gitHubRefusal(failure: string): string | undefined {
  if (failure.includes('Response json body do not have ID Token field'))
    return 'its answer has no ID Token field.'
  if (!failure.includes('Failed to get ID Token')) return undefined
  const status = /Error Code\s*:\s*(\d+)/.exec(failure)?.[1]
  const message = /Error Message:\s*([\s\S]*)$/.exec(failure)?.[1]?.trim()
  return [status && `HTTP ${status}`, message].filter(Boolean).join(': ')
}

/** The three claims that a federated credential is matched by; undefined for what is no ID token. */
function publicClaims(token: string): { iss: string; sub: string; aud: string } | undefined {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    const { iss, sub, aud } = JSON.parse(payload) as Record<'iss' | 'sub' | 'aud', unknown>
    return { iss: String(iss), sub: String(sub), aud: String(aud) }
  } catch {
    return undefined
  }
}

/** Resource Manager's and Blob Storage's codes, and what to do. The first that matches counts. */
const AZURE_REMEDIES: { code: RegExp; message?: RegExp; remedy: string }[] = [
  {
    code: /^LinkedAuthorizationFailed$/,
    message: /userAssignedIdentities/i,
    remedy: "Give the signed-in identity the role 'Managed Identity Operator' on the managed identity.",
  },
  {
    code: /^AuthorizationFailed$/,
    message: /Microsoft\.VirtualMachineImages/i,
    remedy:
      'Give the signed-in identity the Image Builder rights on the resource group (README, "What Azure needs"). A new role assignment takes minutes to work.',
  },
  {
    code: /^AuthorizationFailed$/,
    remedy:
      'Give the signed-in identity a role with this action at this scope (README, "What Azure needs"). A new role assignment takes minutes to work.',
  },
  {
    code: /^MissingSubscriptionRegistration$/,
    remedy: 'Register the resource provider: az provider register --namespace Microsoft.VirtualMachineImages',
  },
  {
    code: /^SubscriptionNotFound$/,
    remedy: "Check 'subscription-id', and that the signed-in identity has a role in it.",
  },
  {
    code: /^AuthorizationPermissionMismatch$/,
    remedy:
      "Give the signed-in identity the role 'Storage Blob Data Contributor' on the storage account, or the right to list its keys.",
  },
  {
    code: /^KeyBasedAuthenticationNotPermitted$/,
    remedy:
      "The storage account refuses its keys. Give the signed-in identity the roles 'Storage Blob Data Contributor' and 'Storage Blob Delegator' on it.",
  },
  {
    code: /^AuthorizationFailure$/,
    remedy:
      "The storage account's firewall keeps the runner out: allow its network, or use a runner inside it.",
  },
  {
    code: /^Unauthorized$/,
    message: /user assigned identity/i,
    remedy:
      'The managed identity of the template lacks a right on what the message names (README, "What Azure needs"). A new role assignment takes minutes to work.',
  },
]

/** The remedy for an answer of Azure, as a property to spread; empty when none is certain. */
export function azureRemedy(code: string, message: string): { remedy?: string } {
  const found = AZURE_REMEDIES.find(
    (entry) => entry.code.test(code) && (entry.message?.test(message) ?? true),
  )
  return found ? { remedy: found.remedy } : {}
}
