/** URLs that carry their own permission: what in them is a secret, and how it is taken out. */

/** Signatures in the URLs of a template: as they stand there, and decoded, as Azure may quote them. */
export function signaturesIn(template: object): string[] {
  const found = [...JSON.stringify(template).matchAll(/[?&]sig=([^&\s'"\\]+)/g)].map(([, sig = '']) => sig)
  return found.flatMap((signature) => [signature, decoded(signature)])
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Replaces the query of every URL that carries a signature. */
export function redactSignatures(text: string): string {
  return text.replaceAll(/\?[^\s'"?]*\bsig=[^\s'"]*/g, '?***')
}

/** Fields of a shared access signature (Azure Storage's documentation); any other, such as `versionid`, says what is read. */
const SIGNATURE_FIELDS =
  /^(?:sv|ss|srt|sr|sp|st|se|spr|sip|si|sig|ses|sdd|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid|sduoid|skdutid|rscc|rscd|rsce|rscl|rsct|tn|spk|srk|epk|erk)$/

/** The text with what every signed URL leads to, and nothing of its signature, which differs each time. */
export function withoutSignatures(text: string): string {
  return text.replaceAll(/\?([^\s'"?]*\bsig=[^\s'"]*)/g, (_, query: string) => {
    const rest = query.split('&').filter((field) => !SIGNATURE_FIELDS.test(field.split('=')[0] ?? ''))
    return rest.length === 0 ? '' : `?${rest.join('&')}`
  })
}
