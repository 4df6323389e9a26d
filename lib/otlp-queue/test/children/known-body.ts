/** A body whose content follows from its number, 0 to about 6 KB: some fit a page, some overflow. */
export function bodyOf(n: number): Uint8Array {
  return new Uint8Array((n * 977) % 6000).fill(n % 251);
}
