const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/**
 * The partition that Kafka's Java client (and with it the OTel Collector's exporter) gives a key:
 * murmur2 over its bytes without the sign bit, modulo the number of partitions.
 */
export function javaPartition(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** MurmurHash2, 32 bit, as Kafka seeds it. A signed integer. */
export function murmur2(bytes: Uint8Array): number {
  const wholeEnd = bytes.length & ~3;
  let hash = SEED ^ bytes.length;
  for (let i = 0; i < wholeEnd; i += 4) {
    let word = Math.imul(byteAt(bytes, i, 3), M);
    word = Math.imul(word ^ (word >>> 24), M);
    hash = Math.imul(hash, M) ^ word;
  }
  if (wholeEnd < bytes.length) {
    hash = Math.imul(hash ^ byteAt(bytes, wholeEnd, bytes.length - wholeEnd - 1), M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/** Little-endian integer of the bytes from `start` to `start + last`. */
function byteAt(bytes: Uint8Array, start: number, last: number): number {
  let word = 0;
  for (let i = last; i >= 0; i -= 1) word = (word << 8) | (bytes[start + i] ?? 0);
  return word;
}
