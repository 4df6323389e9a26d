const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** The partition of a key: FNV-1a (32 bit) over its UTF-8 bytes, modulo the number of partitions. */
export function partitionForKey(key: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = FNV_OFFSET_BASIS;
  for (const byte of Buffer.from(key, 'utf8')) {
    hash = Math.imul(hash ^ byte, FNV_PRIME);
  }
  return (hash >>> 0) % partitions;
}
