/** Foreign text in job summaries: names, messages and values that others chose. */

/** One line of it, cut to so many characters; what cannot be seen becomes a blank. */
export function foreignLine(foreign: string, longest: number): string {
  return foreign.replaceAll(/[\p{C}\s]+/gu, ' ').slice(0, longest)
}

/** The same for Markdown: whatever could be markup, a mention or the end of a cell is spelled in numbers. */
export function foreignMarkdown(foreign: string, longest: number): string {
  return foreignLine(foreign, longest).replaceAll(
    /[^\p{L}\p{N} .,;:()-]/gu,
    (found) => `&#${found.codePointAt(0) ?? 0};`,
  )
}
