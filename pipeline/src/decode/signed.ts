import type { WireReader } from '@flotilla/otlp';

const TWO_32 = 0x1_0000_0000;

/** An sfixed64 as the nearest double. */
export function readSigned(reader: WireReader): number {
  reader.fixed64Halves();
  return (reader.high | 0) * TWO_32 + reader.low;
}
