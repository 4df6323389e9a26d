const TRACE_ID = /^[0-9a-f]{32}$/;
/** The upper 52 of its 56 random bits: as many as a number holds exactly. */
const RANDOM_VALUES = 2 ** 52;

/**
 * A place in [0, 1) that depends on the key alone, so that every record of a key meets the same
 * decision. For a trace id it is 1 minus its random part, so that a ratio p keeps the same traces as
 * OTel's consistent probability sampling: randomness >= 1 - p (TraceState: probability sampling).
 */
export function samplingPosition(key: string): number {
  if (TRACE_ID.test(key)) {
    const randomness = Number.parseInt(key.slice(18, 31), 16);
    return (RANDOM_VALUES - 1 - randomness) / RANDOM_VALUES;
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
