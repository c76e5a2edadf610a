/**
 * Quoting and the scripts of the artifact's way into the image, for each shell. A folder may be called anything
 * that a file system allows, so every path goes through a quoting function.
 */

/** A word of a POSIX shell, whatever it holds. */
export function quotePosix(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/**
 * A PowerShell string without interpolation. PowerShell also takes the typographic quotation marks ‘ ’ ‚ ‛ for
 * single quotes (about_Quoting_Rules), so these are doubled as well.
 */
export function quotePowerShell(text: string): string {
  return `'${text.replaceAll(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`
}
