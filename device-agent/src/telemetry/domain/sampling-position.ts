const TRACE_ID = /^[0-9a-f]{32}$/;
const RANDOM_BITS = 2 ** 56;

/**
 * A place in [0, 1) that depends on the key alone, so that every record of a key meets the same
 * decision. For a trace id it is 1 minus its random part, so that a ratio p keeps the same traces as
 * OTel's consistent probability sampling: randomness >= 1 - p (TraceState: probability sampling).
 */
export function samplingPosition(key: string): number {
  if (TRACE_ID.test(key)) {
    const randomness = Number.parseInt(key.slice(18), 16);
    return (RANDOM_BITS - 1 - randomness) / RANDOM_BITS;
  }
  return hash32(key) / 2 ** 32;
}

/** FNV-1a with the finishing mix of MurmurHash3, without which short keys lie close together. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
