/**
 * Quoting and the scripts of the artifact's way into the image, for each shell. A folder may be called anything
 * that a file system allows, so every path goes through a quoting function.
 */

/** A word of a POSIX shell, whatever it holds. */
export function quotePosix(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/**
 * A PowerShell string without interpolation, as an operand. In ASCII: Packer writes scripts as UTF-8 without a byte
 * order mark, which Windows PowerShell 5.1 reads in the machine's code page, where parts of letters are quotation marks.
 */
export function quotePowerShell(text: string): string {
  if (/^[\n -~]*$/.test(text)) return `'${text.replaceAll("'", "''")}'`
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll(/[^\n -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `([regex]::Unescape('${escaped.replaceAll("'", "''")}'))`
}
