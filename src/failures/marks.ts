/** Marks that several failures share. */

/** The run says no more than that Packer failed; its log says why. */
export const PACKER_FAILED =
  /Packer build command has failed|during the image build,? a failure has occurred|\bPackerBuildFailed\b/i

/** How Packer prints the errors of a deployment: `==> azure-arm: ERROR:   -> Code : words`. */
export function deployment(words: string): RegExp {
  return new RegExp(`azure-arm: ERROR: *-> (?:${words})`)
}

/** One of Azure's codes in a message, not as part of a name or an ID; or other words, as a pattern. */
export function named(code: string, others?: string): RegExp {
  return new RegExp(`(?<![\\w/.-])${code}(?![\\w/-])${others === undefined ? '' : `|${others}`}`)
}
