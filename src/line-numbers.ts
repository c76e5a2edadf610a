/**
 * Numbers of lines, from 1, for places in a text. Places come nearly in their order, so that counting goes on from the
 * last one.
 */
export function lineNumbers(text: string): (place: number) => number {
  let [counted, line] = [0, 1]
  return (place) => {
    if (place < counted) [counted, line] = [0, 1]
    for (let at = text.indexOf('\n', counted); at >= 0 && at < place; at = text.indexOf('\n', at + 1)) line++
    counted = place
    return line
  }
}
