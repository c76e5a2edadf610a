/** Memory of large buffers. */

/**
 * Frees the memory of what is not needed any more. The collector would do it as well, some tens of megabytes later. Small
 * Buffers share theirs, which stays.
 */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer.byteLength !== Buffer.poolSize) (buffer as ArrayBuffer).transfer(0)
}
