import { DecodeError, type WireReader } from '@flotilla/otlp';

/** The last second of DateTime, 2106-02-07 06:28:15 UTC: `TimestampTime` can hold no later one. */
const MAX_NANOS = 4_294_967_295_999_999_999n;
const MAX_HIGH = Number(MAX_NANOS >> 32n);
const MAX_LOW = Number(MAX_NANOS & 0xffff_ffffn);

/** Reads nanoseconds since the epoch into the reader's halves, as DateTime64(9) keeps them too. */
export function readTime(reader: WireReader): void {
  reader.fixed64Halves();
  const { high, low } = reader;
  if (high < MAX_HIGH || (high === MAX_HIGH && low <= MAX_LOW)) return;
  const nanos = (BigInt(high) << 32n) | BigInt(low);
  throw new DecodeError('time_out_of_range', `${nanos} ns after the epoch lies beyond 2106`);
}
