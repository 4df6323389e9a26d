/** ZigZag varints of the record format (kafka.apache.org, "Record"); safe integers only. */

const TWO_POW_31 = 2 ** 31;

export function varintBytes(value: number): number {
  let rest = zigZag(value);
  let bytes = 1;
  while (rest >= 128) {
    rest = Math.floor(rest / 128);
    bytes += 1;
  }
  return bytes;
}

/** Returns where it ended. */
export function writeVarint(buffer: Uint8Array, value: number, at: number): number {
  let rest = zigZag(value);
  let end = at;
  while (rest >= TWO_POW_31) {
    buffer[end++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    buffer[end++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  buffer[end++] = rest;
  return end;
}

function zigZag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}
