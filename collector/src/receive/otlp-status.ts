const MESSAGE_TAG = (2 << 3) | 2;

/**
 * google.rpc.Status with its `message` (field 2) alone, the body of an OTLP/HTTP refusal; the
 * OTLP specification ("Failures") leaves `code` unused.
 */
export function encodeStatus(message: string): Buffer {
  const text = Buffer.from(message, 'utf8');
  return Buffer.concat([Buffer.from([MESSAGE_TAG, ...varint(text.length)]), text]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}
