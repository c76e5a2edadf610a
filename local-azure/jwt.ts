/** RS256 tokens: one key pair that lives as long as its service runs. */
import { createHash } from 'node:crypto'
import {
  compactVerify,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  type JSONWebKeySet,
  type JWTPayload,
} from 'jose'

export interface Signer {
  /** Signs claims under the header `typ`, `alg`, `x5t`, `kid`, as GitHub and Entra do. */
  sign: (claims: JWTPayload) => Promise<string>
  /** The claims of a token that this key signed, its times unchecked; undefined for any other text. */
  verify: (token: string) => Promise<JWTPayload | undefined>
  /** The public key, as a `jwks_uri` serves it. */
  keySet: JSONWebKeySet
}

/** Makes a 2048-bit RSA key. `kid` and `x5t` are a hash of the public key: there is no certificate here. */
export async function makeSigner(): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const thumbprint = createHash('sha1')
    .update(await exportSPKI(publicKey))
    .digest('base64url')
  // A token comes with every request; what the key has signed once it has signed for good.
  const signed = new Map<string, JWTPayload>()
  const header = { typ: 'JWT', alg: 'RS256', x5t: thumbprint, kid: thumbprint }
  return {
    sign: (claims) => new SignJWT(claims).setProtectedHeader(header).sign(privateKey),
    verify: async (token) => {
      const known = signed.get(token)
      if (known) return known
      try {
        const { payload } = await compactVerify(token, publicKey, { algorithms: ['RS256'] })
        const claims = JSON.parse(Buffer.from(payload).toString('utf8')) as JWTPayload
        signed.set(token, claims)
        return claims
      } catch {
        return undefined
      }
    },
    keySet: { keys: [{ ...(await exportJWK(publicKey)), use: 'sig', alg: 'RS256', kid: thumbprint }] },
  }
}
